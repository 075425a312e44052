// hc call: any operation of the OpenAPI document, by its id.

import { defineCommand } from 'citty'
import { ask, send } from '../client.ts'
import { Refused } from '../failure.ts'
import { findOperation, requestOf, type Operation } from '../openapi.ts'
import { answer, harmless, oneLine } from '../output.ts'
import type { Plugin } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { plightOf } from '../words.ts'

export const call = defineCommand({
  meta: { name: 'hc call', description: 'Call an operation: hc call lamp.setState on=true' },
  args: {
    operation: { type: 'positional', required: true, description: 'Its operationId in /openapi.json' },
    values: { type: 'positional', required: false, description: 'key=value, as many as it takes' },
    json,
  },
  setup: strict({ rest: true }),
  async run({ args }) {
    const { body: document } = await ask<object>('/openapi.json')
    const [id = '', ...pairs] = args._
    const { path, ...request } = requestOf(await operationOf(document, id), pairs)
    const response = await send(path, { ...request, timeout: 0 })
    const type = response.headers.get('content-type') ?? ''
    if (/^application\/(.+\+)?json\b/.test(type)) {
      const text = await response.text()
      answer(args.json, text, () => harmless(JSON.stringify(JSON.parse(text), null, 2)))
    } else if (type.startsWith('text/') || process.stdout.isTTY) {
      for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? [])
        process.stdout.write(harmless(part))
    } else {
      // A picture, say, on its way into a file.
      for await (const part of response.body ?? []) process.stdout.write(part)
    }
  },
})

/** @throws BadUsage when there is none of this id; Refused when its plugin is there and does not run */
async function operationOf(document: object, id: string): Promise<Operation> {
  try {
    return findOperation(document, id)
  } catch (error) {
    const owner = encodeURIComponent(id.split('.')[0]!)
    // Who may not ask how a plugin is learns only that there is no such operation.
    const plugin = await ask<Plugin>(`/api/core/plugins/${owner}`).catch(() => undefined)
    if (plugin === undefined || plugin.body.state === 'active') throw error
    const plight = [plugin.body.state, plightOf(plugin.body)].filter(Boolean).join(': ')
    throw new Refused(oneLine(`There is no operation "${id}": the plugin ${plugin.body.id} is ${plight}.`))
  }
}
