// What is written when the power is cut, each by the Core's own hand: counts up, and can be read again.

import { mkdirSync } from 'node:fs'
import { openCoreDatabase } from '../../core/db/core-database.ts'
import type { Connection } from '../../core/db/connection.ts'
import { PluginDatabases } from '../../core/db/plugin-databases.ts'
import type { PluginData } from '../../core/db/plugin-data.ts'
import { Wishes } from '../../core/db/wishes.ts'
import { PluginSettings } from '../../core/settings/plugin-settings.ts'
import { Shape } from '../../core/settings/shape.ts'
import { problem } from '@home-console/sdk'

export interface Writing {
  readonly changes: number
  /** As SQLite has it; '' leaves it as the Core sets it. */
  readonly synchronous: string
  /** Called when a count is kept. */
  readonly said: (count: number) => void
}

export interface Subject {
  write(folder: string, writing: Writing): void
  /** The last count that is there, and the last of those that are kept in any case. @throws what is wrong with it */
  read(folder: string): { count: number; kept?: number }
}

/** More than a page, so that several change at once: the order in which they reach the disk matters. */
const FILLER = 'x'.repeat(3_000)
/** So often it is closed, as a stop does. */
const STOP_EVERY = 25

/** Counts up in rounds, each of which opens and closes. */
function inRounds({ changes }: Writing, round: (counts: number[]) => void): void {
  for (let first = 1; first <= changes; first += STOP_EVERY) {
    const length = Math.min(STOP_EVERY, changes - first + 1)
    round(Array.from({ length }, (_, index) => first + index))
  }
}

/** What the owner wishes, in the Core's own database. */
const wishes: Subject = {
  write(folder, writing) {
    mkdirSync(folder, { recursive: true })
    inRounds(writing, (counts) => {
      const { db, close } = openCoreDatabase(folder)
      if (writing.synchronous !== '') db.$client.run(`PRAGMA synchronous = ${writing.synchronous}`)
      const wishes = new Wishes(db)
      for (const count of counts) {
        wishes.change('lamp', { rollbackAfter: count })
        wishes.change(`filler-${count}`, { pinned: { digest: FILLER, over: '', since: '' } })
        writing.said(count)
      }
      // A log that has grown is written into the file while it is in use, and when it is closed.
      if (counts[0]! % 2 === 0) db.$client.run('PRAGMA wal_checkpoint')
      close()
    })
  },
  read(folder) {
    const { db, close } = openCoreDatabase(folder)
    const count = new Wishes(db).of('lamp').rollbackAfter ?? 0
    close()
    return { count }
  },
}

function pluginData(folder: string): PluginData {
  return new PluginDatabases({
    dir: folder,
    clock: { now: () => 0, after: () => () => {} },
    leave: (run) => run(),
    problem: (code, detail) => problem(503, code, detail),
    warn() {},
    secrets: { seal: (text) => text, unseal: (text) => text },
  }).lend('lamp')
}

function hasRows(connection: Connection): boolean {
  return connection.values(`SELECT 1 FROM sqlite_schema WHERE name = 'rows'`).length > 0
}

/** So often a count of a plugin is written as a single value, too. */
export const KEPT_EVERY = 10

/** Rows of a plugin, one a commit. */
function rowsOf(durability: 'full' | 'normal'): Subject {
  return {
    write(folder, writing) {
      inRounds(writing, (counts) => {
        const data = pluginData(folder)
        const { connection, kv } = data
        if (!hasRows(connection))
          connection.execute('CREATE TABLE rows (id INTEGER PRIMARY KEY, filler TEXT)')
        if (durability === 'normal') connection.relax()
        if (writing.synchronous !== '') connection.execute(`PRAGMA synchronous = ${writing.synchronous}`)
        for (const count of counts) {
          connection.run('INSERT INTO rows VALUES (?, ?)', [count, FILLER])
          if (count % KEPT_EVERY === 0) kv.set('count', count)
          writing.said(count)
        }
        if (counts[0]! % 2 === 0) connection.execute('PRAGMA wal_checkpoint')
        data.close()
      })
    },
    read(folder) {
      const data = pluginData(folder)
      try {
        const { connection, kv } = data
        const [[integrity]] = connection.values('PRAGMA integrity_check') as [[string]]
        if (integrity !== 'ok') throw new Error(integrity)
        const rows = hasRows(connection) ? connection.values('SELECT id FROM rows ORDER BY id') : []
        // Those before the last are all there.
        if (rows.some(([id], index) => id !== index + 1)) throw new Error('A row is missing among others.')
        return { count: rows.length, kept: (kv.get('count') as number | undefined) ?? 0 }
      } finally {
        data.close()
      }
    },
  }
}

const SHAPE = Shape.of({
  type: 'object',
  properties: { count: { type: 'number' }, filler: { type: 'string' } },
  additionalProperties: false,
})

function settingsIn(folder: string): PluginSettings {
  return new PluginSettings({
    id: 'lamp',
    file: `${folder}/lamp.jsonc`,
    environment: {},
    sealer: { seal: (text) => text, unseal: (text) => text },
    mask() {},
  })
}

/** The config of a plugin, in a file. */
const config: Subject = {
  write(folder, { changes, said }) {
    mkdirSync(folder, { recursive: true })
    const settings = settingsIn(folder)
    for (let count = 1; count <= changes; count++) {
      const values = { count, filler: 'x'.repeat((count * 97) % 3_000) }
      if (!settings.draft(settings.read(), values, SHAPE).commit()) throw new Error('It was not taken.')
      said(count)
    }
  },
  read(folder) {
    const { count = 0, filler = '' } = settingsIn(folder).read().values as { count?: number; filler?: string }
    if (filler.length !== (count * 97) % 3_000) throw new Error('The file is of two changes.')
    return { count }
  },
}

export const subjects: Readonly<Record<string, Subject>> = {
  wishes,
  config,
  'full rows': rowsOf('full'),
  'normal rows': rowsOf('normal'),
}
