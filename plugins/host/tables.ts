// The tables: three rings, in which the newest takes the place of the oldest, so that they never grow beyond their size.

import { customType, integer, sqliteTable } from 'drizzle-orm/sqlite-core'
import type { Sample } from './contract.ts'
import { type Metric, metrics } from './metrics.ts'
import { pack, unpack } from './packed.ts'
import type { Stat } from './stat.ts'

const slotAndStart = () => ({
  slot: integer().primaryKey(),
  /** Of what is in the slot, in ms since 1970. */
  start: integer().notNull(),
})

/** As JSON; NULL where nothing was known. */
const stat = customType<{ data: Stat; driverData: string | null }>({
  dataType: () => 'text',
  // The text "null", which Drizzle's own columns would make of it in a prepared statement, is not NULL.
  toDriver: (known: Stat | null) => known && JSON.stringify(known),
  fromDriver: (text) => JSON.parse(text!) as Stat,
})

const packedSamples = customType<{ data: Sample[]; driverData: string }>({
  dataType: () => 'text',
  toDriver: pack,
  fromDriver: unpack,
})

/** A column for each, so that a chart of one reads no other. */
const statOfEach = () =>
  Object.fromEntries(metrics.map((metric) => [metric, stat()])) as Record<Metric, ReturnType<typeof stat>>

/** A minute's samples as they were taken. */
export const samples = sqliteTable('samples', {
  ...slotAndStart(),
  samples: packedSamples().notNull(),
})

export const minutes = sqliteTable('minutes', { ...slotAndStart(), ...statOfEach() })

export const hours = sqliteTable('hours', { ...slotAndStart(), ...statOfEach() })
