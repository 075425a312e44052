// What a plugin finds in the environment: everything but the Core's own secrets.

import { expect, test } from 'bun:test'
import { CoreProcess } from './core-process.ts'

const NOSY = `
import { spawnSync } from 'node:child_process'
import nodeProcess from 'node:process'
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/env', async (c) =>
      c.json({
        process: process.env,
        bun: Bun.env,
        meta: import.meta.env,
        node: nodeProcess.env,
        global: globalThis.process.env,
        child: Bun.spawnSync(['env']).stdout.toString(),
        child2: await new Response(Bun.spawn({ cmd: ['env'] }).stdout).text(),
        child3: spawnSync('env').stdout.toString(),
        shell: await Bun.$\`env\`.quiet().text(),
      }),
    )
    return router
  },
})
`

test('a plugin finds no token of the Core, however it looks, and finds the rest', async () => {
  await using core = await CoreProcess.start({ 'nosy.ts': NOSY }, { LAMP_HOST: 'lamp.local' })
  const found = await (await core.request('/api/plugins/nosy/env')).text()
  // Not `toContain`, which would print the whole environment.
  expect(found.includes('ADMIN_TOKEN') || found.includes('a-token-of-this-test-only')).toBe(false)
  const seen = JSON.parse(found) as Record<string, { LAMP_HOST: string }>
  for (const way of ['process', 'bun', 'meta', 'node', 'global'])
    expect(seen[way]!.LAMP_HOST).toBe('lamp.local')
})
