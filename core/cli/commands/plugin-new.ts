// hc plugin new: begins a plugin. Needs no Core; one that watches the folder loads it at once.

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { defineCommand } from 'citty'
import { BadUsage, Refused } from '../failure.ts'
import { print } from '../output.ts'
import { pluginFolder, singleFile } from '../plugin-template.ts'
import { pluginsFolders } from '../plugins-folders.ts'
import { json, strict } from '../strict.ts'

const ID = /^[a-z][a-z0-9-]{0,62}$/
/** Names that the Core's own routes and pages have taken. */
const RESERVED = ['core', 'plugins', 'ui', 'docs', 'health', 'metrics']

export const create = defineCommand({
  meta: { name: 'hc plugin new', description: 'Begin a plugin: a route, an event and a test that passes' },
  args: {
    id: { type: 'positional', required: true, description: 'Its id, such as lamp or garden-pump' },
    dir: { type: 'string', description: 'The folder of plugins; else the first of PLUGINS_DIR' },
    single: { type: 'boolean', description: 'One file instead of a folder' },
    json,
  },
  setup: strict(),
  run({ args }) {
    const { id, dir = pluginsFolders()[0]!, single } = args
    if (!ID.test(id)) {
      throw new BadUsage(
        `"${id}" is no id for a plugin: up to 63 small letters, digits and hyphens, the first one a letter.`,
      )
    }
    if (RESERVED.includes(id))
      throw new BadUsage(`"${id}" belongs to the Core. These do: ${RESERVED.join(', ')}.`)
    const target = join(dir, single ? `${id}.ts` : id)
    for (const taken of [join(dir, id), join(dir, `${id}.ts`)]) {
      if (existsSync(taken)) throw new Refused(`${taken} is there already, and stays as it is.`)
    }
    if (single) write(target, singleFile(id))
    else write(target, pluginFolder(id))
    if (args.json) print(JSON.stringify({ id, path: target }))
    else print(single ? target : `${target}\n${howToTest(target)}`)
  },
})

/** Outside the checkout nobody finds the SDK until it is installed there. */
function howToTest(target: string): string {
  try {
    Bun.resolveSync('@home-console/sdk/testing', target)
    return `Its test: cd ${target} && bun test`
  } catch {
    return `Its test needs the SDK beside it, once for the whole folder: see "A plugin outside the checkout" in docs/guide.md.`
  }
}

/** Puts a file or a folder of files where it belongs in one step, so that nobody loads half of it. */
function write(target: string, contents: string | Record<string, string>): void {
  const draft = join(dirname(target), `.${basename(target)}.${process.pid}`)
  if (typeof contents === 'string') {
    mkdirSync(dirname(draft), { recursive: true })
    writeFileSync(draft, contents)
  } else {
    mkdirSync(draft, { recursive: true })
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(draft, name), text)
  }
  renameSync(draft, target)
}
