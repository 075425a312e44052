// What an adapter asks its service by itself, in its own name.

import type { Admission } from './admission.ts'
import { abortWith } from './call.ts'
import { Exchange } from './exchange.ts'
import { CALLER } from './own-headers.ts'

/**
 * @param path at the service, with the query
 * @throws Problem `invalid_argument`, `external_unreachable`, `external_bad_answer`, `external_unavailable`, `external_timeout`
 */
export async function ownFetch(
  admission: Admission,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const { adapter, faults, proxy } = admission
  const { problem, asCore } = proxy.parts
  if (!path.startsWith('/')) {
    throw problem(
      'invalid_argument',
      `ctx.external.fetch takes a path that begins with a slash, not "${path}".`,
    )
  }
  return admission.during(async (line, call) => {
    init.signal?.throwIfAborted()
    // It may be the adapter's own, which outlives every call.
    if (init.signal) call.atEnd(abortWith(init.signal, call))
    const method = (init.method ?? 'GET').toUpperCase()
    const { plugin, target } = adapter
    const headers = new Headers(init.headers)
    for (const name of ['Authorization', CALLER, 'Host']) headers.delete(name)
    const token = await line.tokens.of({ kind: 'plugin', name: plugin, scopes: [] })
    const exchange = new Exchange(
      {
        label: `${method} ${path}`,
        path,
        method,
        introduction: {
          headers: [
            ['Authorization', line.authorization],
            [CALLER, token],
          ],
          lines: '',
        },
        headers: [...headers],
        body: init.body ?? null,
        large: false,
        decompress: true,
      },
      { line, call, deadlines: target.limits, faults, asCore, whenSlow: () => {} },
    )
    return admission.through(line, call, exchange, ({ headers }) => headers)
  })
}
