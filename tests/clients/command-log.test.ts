// The log of commands has an end: so many commands, so much of one, and so much of all; what runs is never forgotten.

import type { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { CommandLog, MOST_BYTES, type End } from '../../external/client-manager-service/command-log.ts'
import { openDatabase } from '../../external/client-manager-service/database.ts'
import { temporaryFolder } from './kit.ts'

const WELL: End = { status: 'succeeded', exitCode: 0, error: null, truncated: false }
const MIB = 'x'.repeat(1024 * 1024)

let folder: string
let db: Database
let log: CommandLog

beforeEach(() => {
  folder = temporaryFolder()
  db = openDatabase(folder)
  log = new CommandLog(db)
})
afterEach(() => {
  db.close()
  rmSync(folder, { recursive: true })
})

const add = () => log.add({ client_id: 'a', name: null, argv: ['x'], asked_by: 'anna', timeout: 30 })

/** Says so many MiB. @returns how many of them were kept */
function say(id: string, mib: number): number {
  let kept = 0
  for (let seq = 1; seq <= mib; seq++)
    if (log.append(log.get(id)!, { seq, stream: 'stdout', data: MIB })) kept++
  return kept
}

test('the oldest commands make room for new ones', () => {
  const running = add()
  const ids = Array.from({ length: 1_010 }, () => {
    const { id } = add()
    log.finish(id, WELL)
    return id
  })
  expect(log.list({ limit: 2_000 }).length).toBe(1_001)
  expect(log.get(ids[0]!)).toBeNull()
  expect(log.get(ids.at(-1)!)).toMatchObject({ status: 'succeeded' })
  expect(log.get(running.id)).toMatchObject({ status: 'running' })
})

test('of one command 10 MiB are kept, and of all 64: the oldest output goes first, and it is told that it went', () => {
  expect(MOST_BYTES).toBe(10 * 1024 * 1024)
  const ids = Array.from({ length: 7 }, () => {
    const { id } = add()
    expect(say(id, 12)).toBe(10)
    log.finish(id, WELL)
    return id
  })
  expect(log.get(ids[0]!)).toMatchObject({ bytes: 0, truncated: true, chunks: 12 })
  expect(log.output(log.get(ids[0]!)!, 0, 100)).toEqual([])
  expect(log.output(log.get(ids[1]!)!, 0, 100).length).toBe(10)
  expect(log.get(ids[6]!)).toMatchObject({ bytes: 10 * 1024 * 1024, truncated: true })
})

test('what is deleted takes its output with it', () => {
  const { id, number } = add()
  say(id, 1)
  expect(log.delete(id)).toBe(false)
  log.finish(id, WELL)
  expect(log.delete(id)).toBe(true)
  expect(db.query('SELECT count(*) AS left FROM output WHERE command = ?').get(number)).toEqual({ left: 0 })
})

test('a database of a newer version is refused, and left as it is', () => {
  db.run('PRAGMA user_version = 99')
  expect(() => openDatabase(folder)).toThrow('is of a newer version (99)')
  expect(db.query('PRAGMA user_version').get()).toEqual({ user_version: 99 })
})
