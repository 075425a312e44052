// A house behind a reverse proxy that it trusts: its services hear of the client, and not of the proxy.

import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { until } from '../until.ts'

const NAMES = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host'] as const

test.each<[trusted: string, seen: string[]]>([
  ['127.0.0.0/8', ['192.0.2.7', 'https', 'home.example']],
  ['10.0.0.0/8', ['127.0.0.1', 'http', '127.0.0.1']],
])(
  'where %s is trusted, a service is told %j',
  async (trusted, seen) => {
    using service = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ headers }) => Response.json(NAMES.map((name) => headers.get(name))),
    })
    await using core = await CoreProcess.start({
      'echo.ts': `
      import { definePlugin } from '@home-console/sdk'
      export default definePlugin({
        external: 'echo', modes: ['microservice'],
        onLoad(ctx) {
          const router = ctx.router()
          router.all('/*', ctx.proxy())
          return router
        },
      })`,
    })
    await core.stop()
    const external = join(core.folder, 'external')
    mkdirSync(join(external, 'echo'), { recursive: true })
    writeFileSync(
      join(external, 'echo/service.json'),
      JSON.stringify({ name: 'echo', version: '1.0.0', url: service.url.origin }),
    )
    await core.start({
      EXTERNAL_DIR: external,
      EXTERNAL_ECHO__URL: service.url.origin,
      EXTERNAL_ECHO__CREDENTIAL: 'a-credential-of-this-test',
      TRUSTED_PROXIES: trusted,
    })
    const headers = {
      'X-Forwarded-For': '6.6.6.6, 192.0.2.7, 127.0.0.9',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'home.example',
    }
    const answer = await until('the service', async () => {
      const response = await core.request('/api/plugins/echo/', { headers })
      return response.ok && ((await response.json()) as string[])
    })
    expect(answer.map((value) => value.replace(/:\d+$/, ''))).toEqual(seen)
  },
  20_000,
)
