// hc call: any operation of the OpenAPI document, by its id.

import { defineCommand } from 'citty'
import { ask, send } from '../client.ts'
import { answer, harmless } from '../output.ts'
import { findOperation, requestOf } from '../openapi.ts'
import { json, strict } from '../strict.ts'

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
    const { path, ...request } = requestOf(findOperation(document, id), pairs)
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
