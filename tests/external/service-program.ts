// An external service of the tests, as a process of its own: it keeps the webhooks that it got, and says of itself what it is told to.

import { serve } from 'bun'

const received: { headers: Record<string, string>; body: string }[] = []
let openapi = process.env['OPENAPI'] ?? ''
let answer = 200
let hanging = 0
/** How often its document was asked for. */
let documents = 0
/** How many hung requests were called off. */
let calledOff = 0

const server = serve({
  port: Number(process.env['PORT'] ?? 0),
  hostname: '127.0.0.1',
  idleTimeout: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url)
    switch (`${request.method} ${pathname}`) {
      case 'GET /health':
        return new Response('well')
      case 'GET /openapi.json':
        documents++
        return new Response(openapi)
      case 'PUT /openapi.json':
        openapi = await request.text()
        return new Response()
      case 'PUT /answer':
        answer = Number(await request.text())
        return new Response()
      case 'GET /received':
        return Response.json({ received, hanging, calledOff, documents })
      case 'POST /events': {
        const body = await request.text()
        if (answer === 0) {
          hanging++
          request.signal.addEventListener('abort', () => calledOff++)
          return new Promise<Response>(() => {})
        }
        if (answer < 300) received.push({ headers: Object.fromEntries(request.headers), body })
        return new Response(null, { status: answer })
      }
    }
    return Response.json({ method: request.method, path: pathname })
  },
})
console.log(server.port)

/** As an embedded service it hears the house, and says so. */
const house = process.env['HOME_CONSOLE_URL']
if (house !== undefined) {
  const headers = { Authorization: `Bearer ${process.env['HOME_CONSOLE_CREDENTIAL']}` }
  const stream = await fetch(`${house}/api/core/events`, { headers })
  for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
    for (const [, text] of chunk.matchAll(/^data: (.*)$/gm)) {
      const { id, type } = JSON.parse(text!)
      const echo = {
        specversion: '1.0',
        id: `echo-${id}`,
        source: 'me',
        type: 'client.heard',
        data: { type },
      }
      await fetch(`${house}/api/core/events`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/cloudevents+json' },
        body: JSON.stringify(echo),
      })
    }
  }
}
