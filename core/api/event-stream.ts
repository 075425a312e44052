// Server-sent events with a heartbeat, and an end for a client that does not keep up.

import type { App } from '../http/app.ts'

const HEARTBEAT_MS = 15_000
/** How much may wait for a slow client before its stream ends; it comes back and resumes. In bytes. */
const MAX_BACKLOG = 1024 * 1024

/** Why a stream broke off: nobody's mistake. */
export const TOO_SLOW = new Error('The client does not keep up with its stream.')

export interface StreamClient {
  /** Sends one event. `data` must hold no line breaks, as JSON does not. */
  send(data: string, id?: string): void
  /** Ends the stream in good order. */
  end(): void
}

const encoder = new TextEncoder()
const open = new Set<() => void>()

/** How many event streams are open in this process. */
export const openEventStreams = (): number => open.size

/** Ends every open stream in good order: their clients come back to whoever listens next. */
export function endEventStreams(): void {
  for (const end of [...open]) end()
}

/**
 * An answer that stays open. `start` is called once; what it gives is called when the client is gone. Who comes while
 * everybody is told to leave is let go of at once, and comes back.
 */
export function eventStream(
  app: Pick<App, 'isLeaving'>,
  start: (client: StreamClient) => () => void,
): Response {
  let stop: (() => void) | undefined
  let heartbeat: Timer | undefined
  let end = () => {}
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const release = () => {
          if (!open.delete(end)) return false
          clearInterval(heartbeat)
          stop?.()
          return true
        }
        end = () => {
          if (!release()) return
          try {
            controller.close()
          } catch {
            // Closed by its client already.
          }
        }
        open.add(end)
        const write = (text: string) => {
          if (!open.has(end)) return
          controller.enqueue(encoder.encode(text))
          // Broken rather than closed: a stream that is closed still waits for what it holds to be read.
          if ((controller.desiredSize ?? 0) < 0 && release()) controller.error(TOO_SLOW)
        }
        // Browsers wait this long before they come back.
        write('retry: 1000\n\n')
        heartbeat = setInterval(() => write(': still here\n\n'), HEARTBEAT_MS)
        stop = start({
          send: (data, id) => write(`${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`),
          end,
        })
        if (!open.has(end)) stop()
        else if (app.isLeaving) end()
      },
      cancel: () => end(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_BACKLOG }),
  )
  return new Response(body, {
    headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
  })
}
