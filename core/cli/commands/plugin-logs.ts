// hc plugin logs: what a plugin, or everybody, wrote to the log.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { follow, interrupted } from '../event-stream.ts'
import { harmless, oneLine, print } from '../output.ts'
import type { LogLine } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { logLineInWords } from '../words.ts'

export const logs = defineCommand({
  meta: { name: 'hc plugin logs', description: 'The last lines of the log' },
  args: {
    id: { type: 'positional', required: false, description: 'The plugin; everybody unless given' },
    level: { type: 'enum', options: ['debug', 'info', 'warn', 'error'], description: 'This level and above' },
    follow: { type: 'boolean', description: 'Show what comes, until Ctrl-C' },
    json,
  },
  setup: strict(),
  async run({ args }) {
    const query = new URLSearchParams({
      ...(args.id !== undefined && { plugin: args.id }),
      ...(args.level !== undefined && { level: args.level }),
    })
    const path = `/api/core/logs?${query.toString()}`
    if (args.follow) {
      await expectPlugin(args.id)
      for await (const data of follow(path, interrupted())) {
        print(args.json ? oneLine(data) : logLineInWords(JSON.parse(data)))
      }
      return
    }
    // Newest first is good for pages; people read down.
    const { body } = await ask<{ logs: LogLine[] }>(path)
    // A plugin that is gone may have left lines.
    if (body.logs.length === 0) await expectPlugin(args.id)
    for (const line of body.logs.reverse())
      print(args.json ? harmless(JSON.stringify(line)) : logLineInWords(line))
  },
})

/**
 * An id that nobody has is more likely mistyped than silent.
 *
 * @throws RefusedByCore when there is no such plugin
 */
async function expectPlugin(id: string | undefined): Promise<void> {
  if (id !== undefined) await ask(`/api/core/plugins/${encodeURIComponent(id)}`)
}
