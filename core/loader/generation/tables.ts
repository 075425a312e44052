// The tables that a plugin's definition declares, over its database.

import { resolve } from 'node:path'
import type { PluginDefinition } from '@home-console/sdk'
import type { PluginData, TablesWanted } from '../../db/plugin-data.ts'
import { DataRefusal } from '../../db/plugin-file.ts'
import type { Tables } from '../../db/tables.ts'
import { PluginError, positionOfText } from '../fault.ts'
import type { PluginSource } from '../files/discovery.ts'
import { MIGRATIONS } from '../files/migration-files.ts'

interface Owner {
  readonly definition: PluginDefinition | undefined
  readonly source: PluginSource
  readonly data: PluginData
}

/**
 * Applies what migrations are pending.
 *
 * @returns undefined where the definition declares no tables
 * @throws PluginError `migration_edited`, `data_newer`, `schema_ahead` …; Problem `storage_failed`
 */
export async function openTables({ definition, source, data }: Owner): Promise<Tables | undefined> {
  const wanted = wantedBy(definition, source)
  if (wanted === undefined) return undefined
  return data.migrate(wanted).catch((error: unknown) => {
    throw inPlugin(error, source.entry)
  })
}

/**
 * Whether its migrations would break a version that serves beside it.
 *
 * @throws PluginError why they cannot be applied at all: for such a one, nobody need step aside
 */
export function wouldBreak({ definition, source, data }: Owner): boolean {
  const wanted = wantedBy(definition, source)
  if (wanted === undefined) return false
  try {
    return data.mustStepAside(wanted)
  } catch (error) {
    throw inPlugin(error, source.entry)
  }
}

function wantedBy(
  definition: PluginDefinition | undefined,
  { dir, kept = false }: PluginSource,
): TablesWanted | undefined {
  const db = definition?.db
  return (
    db && {
      schema: db.schema,
      folder: resolve(dir, db.migrations ?? MIGRATIONS),
      durability: db.durability ?? 'full',
      wentBack: kept,
    }
  )
}

function inPlugin(error: unknown, entry: string): unknown {
  if (!(error instanceof DataRefusal)) return error
  const { code, message, file } = error
  return new PluginError(code, message, code === 'schema_ahead' ? positionOfText(entry, 'db:') : { file })
}
