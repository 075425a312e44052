// Passes a request on to the service, and its answer back.

import type { ProxyOptions } from '@home-console/sdk'
import type { Admission } from './admission.ts'
import type { Asked } from './asked.ts'
import { abortWith } from './call.ts'
import { Exchange } from './exchange.ts'
import type { Line } from './line.ts'
import { locationFor } from './location.ts'
import { ownHeaders } from './own-headers.ts'
import { deadlinesOf } from './question.ts'
import { requestHeaders } from './request-headers.ts'
import { cleanResponseHeaders } from './response-headers.ts'
import type { Header } from './wire/header-line.ts'
import type { Answer } from './wire/wire.ts'

/**
 * A body of so many bytes is all here before the service hears of it: a client that takes its time over it takes up none of
 * the service's. What is larger, or of a size that nobody knows, streams.
 */
const SHORT_BYTES = 64 * 1024
const MOST_HEADER_BYTES = 64 * 1024

/** They ask for what was sent, credentials included, or for the connection itself. */
const NOT_PASSED_ON = new Set(['TRACE', 'TRACK', 'CONNECT'])

/**
 * @param path at the service, with the query
 * @throws Problem `external_unreachable`, `external_bad_answer`, `external_unavailable`, `external_timeout`
 */
export function passRequest(
  admission: Admission,
  asked: Asked,
  path: string,
  options: ProxyOptions,
): Promise<Response> {
  const { method, request } = asked
  if (NOT_PASSED_ON.has(method)) {
    throw admission.proxy.parts.problem('method_not_allowed', `${method} is not passed on.`)
  }
  const length = method === 'GET' || method === 'HEAD' ? 0 : lengthIn(request.headers)
  if (length === 0) return passWith(null, admission, asked, path, options)
  return length <= SHORT_BYTES
    ? request.arrayBuffer().then((body) => passWith(body, admission, asked, path, options))
    : passWith(request.body, admission, asked, path, options)
}

function passWith(
  body: ArrayBuffer | ReadableStream | null,
  admission: Admission,
  asked: Asked,
  path: string,
  options: ProxyOptions,
): Promise<Response> {
  const large = body instanceof ReadableStream
  const { adapter, faults, proxy } = admission
  const { line, call } = admission.begin(large)
  const token = line.tokens.of(asked.caller)
  const ask = (token: string): Promise<Response> => {
    const { id, request, label, method } = asked
    const exchange = new Exchange(
      {
        label,
        path,
        method,
        introduction: admission.introductionsOn(line).of(token),
        headers: requestHeaders(request.headers, body !== null).concat(
          ownHeaders(id, request, proxy.parts.origins),
        ),
        body,
        large,
        decompress: false,
      },
      {
        line,
        call,
        deadlines: deadlinesOf(adapter.target.limits, options),
        faults,
        asCore: proxy.parts.asCore,
        // Before a client's patience can be at its end, its signal need not be made.
        whenSlow: () => void abortWith(request.signal, call),
        onStream: (carry) => (asked.carry = carry),
      },
    )
    return admission.through(line, call, exchange, (answer) =>
      judge(answer, admission, asked, path, line, options),
    )
  }
  if (typeof token === 'string') return ask(token)
  return token.then(ask, (error) => {
    call.end()
    throw error
  })
}

/** The headers of the service's answer, for the client. @throws what is the matter with the head */
function judge(
  { status, headers }: Answer,
  { adapter, faults }: Admission,
  asked: Asked,
  path: string,
  line: Line,
  { base = '' }: ProxyOptions,
): Header[] {
  if (status < 200 || status > 599) throw faults.refused(`answered with the status ${status}, which is none`)
  let bytes = 0
  for (const [name, value] of headers) bytes += name.length + value.length
  if (bytes > MOST_HEADER_BYTES)
    throw faults.refused(`answered with headers of more than ${MOST_HEADER_BYTES} bytes`)
  const kept = cleanResponseHeaders(headers)
  kept.push(['X-Request-Id', asked.id])
  if (status !== 201 && (status < 300 || status > 399)) return kept
  return kept.flatMap(([name, value]): Header[] => {
    if (name !== 'location') return [[name, value]]
    const led = locationFor(value, {
      origins: [line.reach.origin, line.origin],
      asked: line.reach.origin + path,
      prefix: adapter.prefix,
      base,
    })
    if (led !== null) return [[name, led]]
    if (status !== 201) throw faults.refused('redirects to where no client should go')
    return []
  })
}

/** Of a body; of one in chunks nobody knows it (RFC 9112, section 6.3). */
function lengthIn(headers: Headers): number {
  return headers.has('Transfer-Encoding') ? Infinity : Number(headers.get('Content-Length') ?? 0)
}
