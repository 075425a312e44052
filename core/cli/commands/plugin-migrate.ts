// hc plugin migrate: writes the next migration of a plugin's tables. Needs no Core; one that watches applies it at once.

import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { defineCommand } from 'citty'
import { BadUsage } from '../failure.ts'
import { harmless, oneLine, print } from '../output.ts'
import { pluginsFolders } from '../plugins-folders.ts'
import { json, strict } from '../strict.ts'

export const migrate = defineCommand({
  meta: {
    name: 'hc plugin migrate',
    description: 'Write the next migration, from what the schema has become',
  },
  args: {
    plugin: { type: 'positional', required: true, description: 'Its folder, its one file, or its id' },
    name: {
      type: 'string',
      default: 'change',
      description: 'What the migration is called, after its number',
    },
    json,
  },
  setup: strict(),
  async run({ args }) {
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(args.name))
      throw new BadUsage(`"${args.name}" is no name for a migration: small letters, digits, _ and -.`)
    const place = placeOf(args.plugin)
    // What it needs is large, and the other commands do without it.
    const { writeMigration } = await import('../migrate.ts')
    const file = await writeMigration(place, args.name)
    const path = file && relative(process.cwd(), file)
    if (args.json) print(harmless(JSON.stringify({ file: path })))
    else print(path === null ? oneLine(`${place}: the migrations say all that the schema does`) : path)
  },
})

function placeOf(plugin: string): string {
  const folders = pluginsFolders()
  const places = [
    plugin,
    ...folders.flatMap((folder) => [join(folder, plugin), join(folder, `${plugin}.ts`)]),
  ]
  const place = places.find((path) => existsSync(path))
  if (place === undefined) throw new BadUsage(`There is no ${plugin}, here or in ${folders.join(', ')}.`)
  return place
}
