// hc event: look at what happens in the house, and make something happen.

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { follow, interrupted } from '../event-stream.ts'
import { BadUsage } from '../failure.ts'
import { answer, oneLine, print } from '../output.ts'
import { json, strict } from '../strict.ts'
import { eventInWords } from '../words.ts'

const tail = defineCommand({
  meta: { name: 'hc event tail', description: 'Show events as they happen, until Ctrl-C' },
  args: {
    pattern: {
      type: 'positional',
      default: '**',
      description: 'Such as host.* or lamp.**; there may be several',
    },
    json,
  },
  setup: strict({ rest: true }),
  async run({ args }) {
    const patterns = args._.length > 0 ? args._ : [args.pattern]
    const query = new URLSearchParams(patterns.map((pattern): [string, string] => ['pattern', pattern]))
    for await (const data of follow(`/api/core/events?${query.toString()}`, interrupted())) {
      print(args.json ? oneLine(data) : eventInWords(JSON.parse(data)))
    }
  },
})

const emit = defineCommand({
  meta: { name: 'hc event emit', description: 'Publish an event' },
  args: {
    type: { type: 'positional', required: true, description: 'Such as lamp.pressed' },
    data: { type: 'positional', default: '{}', description: 'What it says, as JSON' },
    subject: { type: 'string', description: 'What it is about' },
    json,
  },
  setup: strict(),
  async run({ args }) {
    const { text, body } = await ask<{ id: string }>('/api/core/events', {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({
        specversion: '1.0',
        id: crypto.randomUUID(),
        source: '/clients/hc',
        type: args.type,
        time: new Date().toISOString(),
        subject: args.subject,
        data: parse(args.data),
      }),
    })
    answer(args.json, text, () => oneLine(`published as ${body.id}`))
  },
})

export const event = defineCommand({
  meta: { name: 'hc event', description: 'Events: watch them, publish one' },
  setup: strict(),
  subCommands: { tail, emit },
})

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new BadUsage(`The data of an event is JSON, such as '{"on":true}', and this is not: ${text}`)
  }
}
