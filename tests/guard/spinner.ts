// A plugin that does not yield, in every way that there is, where it is told to.

/** Statements that keep the thread from ever coming back. */
export const BLOCKS = {
  'busy loop': 'while (true) {}',
  'sync query': `new Database(':memory:').query('with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n').all()`,
  'Atomics.wait': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'Bun.sleepSync': 'Bun.sleepSync(60_000)',
  spawnSync: `Bun.spawnSync(['sleep', '8'])`,
  'a regex that explodes': `/a*a*a*a*a*a*a*b/.test('a'.repeat(400))`,
} as const

/** @param places code by where it stands */
export function spinner(places: { top?: string; onLoad?: string; route?: string; live?: string }): string {
  return `
import { Database } from 'bun:sqlite'
import { dlopen } from 'bun:ffi'
import { definePlugin } from '@home-console/sdk'
/** As a bug in a native library would. */
const crash = () => dlopen('libc.so.6', { raise: { args: ['i32'], returns: 'i32' } }).symbols.raise(11)
void Database, crash
${places.top ?? ''}
export default definePlugin({
  async onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/go', async (c) => {
      ${places.route ?? ''}
      return c.text('gone')
    })
    ${places.live ?? ''}
    ${places.onLoad ?? ''}
    return router
  },
})
`
}
