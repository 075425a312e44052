// When backups are made and how many are kept: one setting of the owner's.

import * as v from 'valibot'
import type { CoreDatabase } from './core-database.ts'
import { readSetting, writeSetting } from './setting.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000))

const BackupSettings = v.strictObject({
  /** A cron expression in the zone of the home; null for never. */
  schedule: v.nullable(v.string()),
  /** The newest of so many days, weeks and months that have one. */
  keep: v.strictObject({ daily: count, weekly: count, monthly: count }),
  /** Whether the code of plugins is in those that the schedule makes. */
  code: v.boolean(),
})

export type BackupSettingsValues = v.InferOutput<typeof BackupSettings>

/** Once a week: a backup a day would wear an SD card out for a house in which little changes. */
const DEFAULTS: BackupSettingsValues = {
  schedule: '0 3 * * 0',
  keep: { daily: 7, weekly: 4, monthly: 6 },
  code: false,
}

export function readBackupSettings(db: CoreDatabase): BackupSettingsValues {
  const stored = readSetting(db, 'backups')
  return v.is(BackupSettings, stored) ? stored : DEFAULTS
}

export function writeBackupSettings(db: CoreDatabase, value: BackupSettingsValues): void {
  writeSetting(db, 'backups', value)
}
