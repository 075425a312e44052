// The external service of the benchmarks: answers a little, a lot, takes a lot, or hangs, by the end of the path.

const SMALL = JSON.stringify({ id: 42, name: 'Item 42', tags: ['a', 'b', 'c'], text: 'x'.repeat(120) })
const MEGABYTE = new Uint8Array(1024 * 1024)

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT']),
  development: false,
  idleTimeout: 0,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  async fetch(request) {
    const { url } = request
    if (url.endsWith('/small') || url.endsWith('/health')) {
      return new Response(SMALL, { headers: { 'Content-Type': 'application/json' } })
    }
    if (url.endsWith('/upload')) {
      let bytes = 0
      for await (const chunk of request.body!) bytes += chunk.length
      return new Response(String(bytes))
    }
    const megabytes = /\/download\/(\d+)$/.exec(url)?.[1]
    if (megabytes !== undefined) {
      let left = Number(megabytes)
      const body = new ReadableStream({
        pull: (controller) => (left-- > 0 ? controller.enqueue(MEGABYTE) : controller.close()),
      })
      return new Response(body, {
        headers: { 'Content-Length': String(Number(megabytes) * MEGABYTE.length) },
      })
    }
    if (url.endsWith('/hang')) await new Promise(() => {})
    return new Response(null, { status: 404 })
  },
})
