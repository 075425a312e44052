// Makes plugins that answer the number of the state that they were written in: from files of their own, or one of all.

import type { Files } from '../lib/workspace.ts'

export const state = (number: number) => `export const state = ${number}\n`

/** Answers the state that a module tells. */
export const room = (id: string, module: string) => `
import { createRoute, definePlugin, z } from '@home-console/sdk'
import { state } from '${module}'

const State = z.object({ state: z.number().int(), room: z.string() }).openapi('State')

export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.openapi(createRoute({
      method: 'get',
      path: '/state',
      operationId: 'getState',
      responses: { 200: { description: 'The state', content: { 'application/json': { schema: State } } } },
    }), (c) => c.json({ state, room: '${id}' }, 200))
    ctx.events.on('room.lit', ({ subject }) => ctx.log.debug('It is lit.', { subject }))
    ctx.every(60_000, () => ctx.events.emit('room.seen', { room: '${id}' }))
    return router
  },
})
`

/** Plugins that all import one file outside their folders. */
export function sharers(ids: readonly string[]): Files {
  const entries = ids.map((id) => [`${id}/index.ts`, room(id, '../_shared/state.ts')])
  return { ...Object.fromEntries(entries), '_shared/state.ts': state(0) }
}

/** Plugins of two files each, both of them others in each state. */
export function branch(ids: readonly string[], number: number): Files {
  return Object.fromEntries(
    ids.flatMap((id) => [
      [`${id}/index.ts`, `// In state ${number}.\n${room(id, './state.ts')}`],
      [`${id}/state.ts`, state(number)],
    ]),
  )
}
