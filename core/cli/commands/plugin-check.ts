// hc plugin check: what a plugin's own CI calls. Needs no Core.

import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { defineCommand } from 'citty'
import type { Finding } from '../check/finding.ts'
import { BadUsage } from '../failure.ts'
import { bold, dim, harmless, oneLine, print, red } from '../output.ts'
import { json, strict } from '../strict.ts'

export const check = defineCommand({
  meta: { name: 'hc plugin check', description: 'Look for what a plugin must not do: servers, ports, apps' },
  args: {
    dir: { type: 'positional', required: true, description: 'The plugin: its folder or its one file' },
    json,
  },
  setup: strict(),
  async run({ args }) {
    if (!existsSync(args.dir)) throw new BadUsage(`There is no ${args.dir}.`)
    // The parser is large, and the other commands do without it.
    const { checkPlugin } = await import('../check/check.ts')
    const findings = checkPlugin(args.dir).map((finding) => ({ ...finding, file: fromHere(finding.file) }))
    if (args.json) print(harmless(JSON.stringify(findings)))
    else for (const finding of findings) print(inWords(finding))
    if (findings.length > 0) process.exitCode = 1
    else if (!args.json) print(oneLine(`${args.dir}: nothing to object to`))
  },
})

function inWords({ file, line, column, message, instead }: Finding): string {
  return `${bold(oneLine(`${file}:${line}:${column}`))} ${red(oneLine(message))}. ${dim(oneLine(`Instead: ${instead}.`))}`
}

/** As seen from the current folder, unless it lies elsewhere. */
function fromHere(file: string): string {
  const path = relative(process.cwd(), file)
  return path.startsWith('..') ? file : path
}
