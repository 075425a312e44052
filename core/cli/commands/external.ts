// hc external: the services that run as processes of their own.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { answer, bold, oneLine, table } from '../output.ts'
import type { External } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { inColour } from '../words.ts'

const list = defineCommand({
  meta: { name: 'hc external list', description: 'Every external service and how it is' },
  args: { json },
  setup: strict(),
  async run({ args }) {
    const { text, body } = await ask<{ external: External[]; refused?: { name: string; fault: string }[] }>(
      '/api/core/external',
    )
    answer(args.json, text, () => {
      const rows = body.external.map((service) => [
        bold(oneLine(service.name)),
        inColour(service.state),
        oneLine(service.adapter === null ? '' : service.mode),
        oneLine(service.version),
        oneLine(service.url ?? ''),
        `${service.restarts}`,
        oneLine(service.adapter ?? ''),
        oneLine(troublesOf(service).join(' ')),
      ])
      for (const { name, fault } of body.refused ?? [])
        rows.push([
          bold(oneLine(name)),
          inColour('refused'),
          '',
          '',
          '',
          '',
          '',
          oneLine(`service.json: ${fault}`),
        ])
      return rows.length === 0
        ? 'no external services'
        : table(['service', 'state', 'mode', 'version', 'url', 'restarts', 'adapter', ''], rows)
    })
  },
})

const restart = defineCommand({
  meta: {
    name: 'hc external restart',
    description: 'Start an external service again, when the new one is up',
  },
  args: { name: { type: 'positional', required: true, description: 'The service' }, json },
  setup: strict(),
  async run({ args }) {
    const { text, body } = await ask<External>(
      `/api/core/external/${encodeURIComponent(args.name)}/restart`,
      { method: 'POST', timeout: 0 },
    )
    answer(args.json, text, () =>
      `${bold(oneLine(body.name))} ${inColour(body.state)} ${oneLine(body.url ?? '')}`.trimEnd(),
    )
  },
})

export const external = defineCommand({
  meta: { name: 'hc external', description: 'External services: how they are, start again' },
  setup: strict(),
  subCommands: { list, restart },
})

function troublesOf({ name, state, adapter, error, fault, breaker, document }: External): string[] {
  const alone =
    adapter === null ? `No plugin stands for it now: one that says external: '${name}' would.` : null
  const left = breaker === 'closed' ? null : 'It failed again and again, and is left alone for a while.'
  const undocumented =
    state === 'up' && document?.fault ? `Its OpenAPI document is not taken: ${document.fault}` : null
  return [alone, error, left, fault, undocumented].flatMap((trouble) => trouble ?? [])
}
