// Owns the body of an answer that is still to be read: the Core reads it across the border, and can end it.

import type { BodySource, MountOwner, OpenStream, RequestInfo } from '../request-info.ts'
import { isMistake } from './problems.ts'
import { isEventStream } from './response-body.ts'

/**
 * The same answer with a body that the Core reads. A body left to the platform would neither end nor break when its
 * plugin goes, and its client would wait for ever.
 *
 * @param onEnd called once, when the body has ended, was cut, or its client left
 */
export function ownBody(
  response: Response,
  owner: MountOwner,
  { label, carry }: Pick<RequestInfo, 'label' | 'carry'>,
  onEnd: () => void,
): Response {
  const { body: given } = response
  if (given === null) {
    onEnd()
    return response
  }
  let controller!: ReadableStreamDefaultController<Uint8Array>
  let ended = false
  const end = (): boolean => {
    if (ended) return false
    ended = true
    owner.closeStream(stream)
    onEnd()
    return true
  }
  const stream: OpenStream = {
    kind: 'stream',
    label,
    lasting: isEventStream(response),
    finish: () => end() && controller.close(),
    cut: () => end() && controller.error(new Error('The plugin that sent this was ended.')),
  }
  const source =
    carry?.(given, (reason) => void (end() && controller.error(reason))) ?? acrossTheBorder(given, owner)
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => void (controller = given),
      async pull() {
        try {
          const { done, value } = await source.read()
          if (ended) return
          if (!done) controller.enqueue(value)
          else if (end()) controller.close()
        } catch (error) {
          if (!end()) return
          // An external service that breaks off is no mistake of its adapter's, nor is a client that leaves.
          if (isMistake(error, owner.plugin) && !isLeaving(error)) owner.charge(error, label)
          controller.error(error)
        }
      },
      async cancel(reason) {
        if (!end()) return
        // What the plugin does when its client leaves is its own affair, and its own fault.
        await source.cancel(reason).catch((error: unknown) => owner.charge(error, label))
      },
    },
    { highWaterMark: 0 },
  )
  owner.open(stream)
  const { status, statusText } = response
  return new Response(body, { status, statusText, headers: headersOf(response) })
}

function acrossTheBorder(source: ReadableStream<Uint8Array>, owner: MountOwner): BodySource {
  const reader = source.getReader()
  return {
    read: () => owner.enter(() => reader.read()),
    cancel: async (reason) => owner.enter(() => reader.cancel(reason)),
  }
}

function isLeaving(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

/** They speak of one connection (RFC 9110, section 7.6.1), or of a body as it came over it. */
const OF_THE_WIRE = [
  'Connection',
  'Content-Encoding',
  'Content-Length',
  'Keep-Alive',
  'Proxy-Authenticate',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
]

/** What `fetch` gave has been decoded already; handed on as it is, its headers would say otherwise. */
function headersOf({ url, headers }: Response): Headers {
  if (url === '') return headers
  const rest = new Headers(headers)
  for (const name of OF_THE_WIRE) rest.delete(name)
  return rest
}
