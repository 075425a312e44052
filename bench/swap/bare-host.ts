// The least that a loader can do: on any rename, import everything afresh and point to it. It checks nothing, waits for
// nothing and closes nothing in order; it shows what the platform itself costs.

import { watch } from 'node:fs'
import { join } from 'node:path'
import { Hono } from 'hono'

const folder = join(import.meta.dir, 'plugin')
let serving = await load()

async function load() {
  const graph = new Bun.ModuleGraph()
  const { default: plugin } = await graph.import(join(folder, 'index.ts'))
  return { graph, app: plugin.onLoad({ router: () => new Hono() }) as Hono }
}

watch(folder, async (event, name) => {
  if (event !== 'rename' || name?.startsWith('.')) return
  const { graph } = serving
  serving = await load()
  graph.dispose()
})

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT']),
  fetch: (request) => serving.app.fetch(request),
})
