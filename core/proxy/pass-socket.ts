// Passes a WebSocket on: opens one to the service, and ties the client's to it.

import type { ProxyOptions } from '@home-console/sdk'
import type { Admission } from './admission.ts'
import type { Asked } from './asked.ts'
import { abortWith } from './call.ts'
import { nobodyWaits } from './faults.ts'
import { ownHeaders } from './own-headers.ts'
import { deadlinesOf } from './question.ts'
import { requestHeaders } from './request-headers.ts'
import { SocketRelay } from './socket-relay.ts'
import { openUpstream, protocolsIn, UpgradeRefused } from './upstream.ts'

/**
 * For a client whose own is not answered yet: what the service refuses is refused, and the subprotocol is the service's.
 *
 * @param path at the service, with the query
 * @throws Problem `external_unreachable`, `external_bad_answer`, `external_unavailable`, `external_timeout`
 */
export async function passSocket(
  admission: Admission,
  asked: Asked,
  path: string,
  options: ProxyOptions,
): Promise<SocketRelay> {
  const { request, label } = asked
  const { adapter, faults, proxy } = admission
  const protocols = protocolsIn(request.headers.get('Sec-WebSocket-Protocol'))
  if (protocols === null) {
    const detail = 'Sec-WebSocket-Protocol offers no list of names.'
    throw proxy.parts.problem('invalid_request', detail)
  }
  return admission.during(async (line, call) => {
    if (request.signal.aborted) throw nobodyWaits()
    const unheard = abortWith(request.signal, call)
    const { firstByteMs } = deadlinesOf(adapter.target.limits, options)
    call.expect(firstByteMs, () => {
      const late = faults.fault('external_timeout', `opened no WebSocket within ${firstByteMs} ms`)
      call.callOff(faults.told(late, label))
    })
    const token = await line.tokens.of(asked.caller)
    const headers = Object.fromEntries<string>([
      ...requestHeaders(request.headers, false),
      ...admission.introductionsOn(line).of(token).headers,
      ...ownHeaders(asked.id, request, proxy.parts.origins),
      ['Host', line.host],
    ])
    const upstream = await admission.guarded(line, call, () =>
      openUpstream({
        url: line.origin.replace('http', 'ws') + path,
        headers,
        protocols,
        tls: line.tls,
        signal: call.signal,
      }).catch((error: Error) => {
        if (call.reason !== undefined) throw call.reason
        const what = `opened no WebSocket: ${error.message}`
        const refused =
          error instanceof UpgradeRefused ? faults.refused(what) : faults.fault('external_unreachable', what)
        throw faults.told(refused, label)
      }),
    )
    call.expectNothing()
    // From now on the socket itself says when its client leaves, and how.
    unheard()
    return new SocketRelay(upstream, call, line.reach.leaving)
  })
}
