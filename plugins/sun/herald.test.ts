import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '@home-console/sdk'
import { Herald } from './herald.ts'

const berlin = { latitude: 52.52, longitude: 13.405, timeZone: 'Europe/Berlin' }
const at = (time: string) => Date.parse(`2026-06-21T${time}:00Z`)

let folder: string
let warnings: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'herald-'))
  warnings = []
})
afterEach(() => rmSync(folder, { recursive: true }))

const herald = () => {
  const warn = (message: string) => void warnings.push(message)
  return new Herald(folder, { debug: warn, info: warn, warn, error: warn } satisfies Logger)
}
const news = (teller: Herald, now: number) => teller.news(now, berlin).map(({ turn }) => turn)

test('the first start has no news', () => {
  expect(news(herald(), at('02:44'))).toEqual([])
})

test('a clock that is set back a little passes the sunrise twice, and it is told once', () => {
  const teller = herald()
  news(teller, at('02:40'))
  expect(news(teller, at('02:44'))).toEqual(['rise'])
  expect(news(teller, at('02:42'))).toEqual([])
  expect(news(teller, at('02:45'))).toEqual([])
  expect(news(herald(), at('02:45'))).toEqual([])
})

test('a clock that was far ahead and is put right silences nothing', () => {
  const teller = herald()
  news(teller, at('02:40') + 90 * 86_400_000)
  expect(news(teller, at('02:40'))).toEqual([])
  expect(news(teller, at('02:44'))).toEqual(['rise'])
})

test('a file that says nothing sensible is as good as none', () => {
  writeFileSync(join(folder, 'told.txt'), 'yesterday')
  expect(news(herald(), at('02:44'))).toEqual([])
  expect(news(herald(), at('11:09'))).toEqual(['noon'])
})

test('a folder that cannot be written to is said, and the sun rises all the same', () => {
  rmSync(folder, { recursive: true })
  const teller = herald()
  news(teller, at('02:40'))
  expect(news(teller, at('02:44'))).toEqual(['rise'])
  expect(warnings[0]).toContain('ENOENT')
  writeFileSync(folder, '')
})
