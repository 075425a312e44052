// The rival: a server that imports the plugin, run under `bun --hot`.

import { Hono } from 'hono'

const entry: string = './plugin/index.ts'
const { default: plugin } = await import(entry)

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT']),
  fetch: plugin.onLoad({ router: () => new Hono() }).fetch,
})
