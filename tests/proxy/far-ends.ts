// Both far ends of the proxy as processes of their own: `serve` is a service that takes and gives large bodies, `ask` a
// client that sends one and fetches one, and says what became of them.

export const SIZE = 200 * 1024 * 1024

const [role, url, token] = process.argv.slice(2)
if (role === 'serve') serve()
if (role === 'ask') await ask()

function serve(): void {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch({ url, method, body }) {
      if (url.endsWith('/health')) return new Response('ok')
      return new Response(method === 'POST' ? await digestOf(body!) : pieces())
    },
  })
  console.log(server.url.origin)
}

async function ask(): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` }
  const up = await fetch(`${url}/up`, { method: 'POST', headers, body: pieces() })
  const down = await fetch(`${url}/down`, { headers })
  const digest = await digestOf(pieces())
  console.log(
    JSON.stringify({ up: (await up.text()) === digest, down: (await digestOf(down.body!)) === digest }),
  )
}

async function digestOf(body: ReadableStream<Uint8Array>): Promise<string> {
  const hash = new Bun.CryptoHasher('md5')
  for await (const piece of body) hash.update(piece)
  return hash.digest('hex')
}

function pieces(): ReadableStream<Uint8Array<ArrayBuffer>> {
  const piece = new Uint8Array(256 * 1024)
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent >= SIZE) return controller.close()
      piece.fill(sent / piece.length)
      controller.enqueue(piece.slice())
      sent += piece.length
    },
  })
}
