// Server-sent events that outlive a lost connection: read, come back with Last-Event-ID, end when asked to.

import { setTimeout as sleep } from 'node:timers/promises'
import { RefusedByCore, send } from './client.ts'
import { Refused } from './failure.ts'
import { complain, dim } from './output.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** The Core says something every 15 s, be it a comment. Three times nothing, and nobody is there any more. */
const SILENCE_MS = 45_000

/**
 * The data of each event, until `signal` aborts. Comes back after pauses that grow, unless it was refused or there was
 * nobody in the first place.
 *
 * @throws Refused, Unreachable
 */
export async function* follow(path: string, signal: AbortSignal): AsyncGenerator<string> {
  let lastId: string | undefined
  let pause = FIRST_PAUSE_MS
  let wasThere = false
  while (!signal.aborted) {
    const silence = new AbortController()
    const watch = setTimeout(() => silence.abort(), SILENCE_MS)
    try {
      const { body } = await send(path, {
        headers: { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) },
        signal: AbortSignal.any([signal, silence.signal]),
        timeout: 0,
      })
      wasThere = true
      for await (const { id, data } of eventsOf(body, () => watch.refresh())) {
        pause = FIRST_PAUSE_MS
        lastId = id ?? lastId
        yield data
      }
    } catch (error) {
      if (signal.aborted) return
      if (!wasThere) throw error
      // Among events that were printed as JSON, a refusal in JSON would look like one more.
      if (error instanceof RefusedByCore && error.status < 500) throw new Refused(error.message)
    } finally {
      clearTimeout(watch)
      silence.abort()
    }
    complain(dim(`hc: the connection was lost; trying again in ${pause / 1000} s`))
    await sleep(pause, undefined, { signal }).catch(() => undefined)
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
async function* eventsOf(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  heard: () => void,
): AsyncGenerator<{ id: string | undefined; data: string }> {
  let rest = ''
  let id: string | undefined
  let data: string[] = []
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    heard()
    // A carriage return at the very end may be the first half of a line break.
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '' && data.length > 0) {
        yield { id, data: data.join('\n') }
        data = []
      }
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
      if (field === 'data') data.push(value)
      if (field === 'id') id = value
    }
  }
}

/** Aborts when somebody presses Ctrl-C, or the system asks to end: a good end of what would never end by itself. */
export function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}
