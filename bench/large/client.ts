// Takes or gives so many MB at a URL, and prints how long that took, in ms. Called with `down` or `up`, the URL, the MB and
// a token.

import { argv } from 'node:process'

const [way, url, megabytes, token] = argv.slice(2) as [string, string, string, string]
const total = Number(megabytes) * 1024 * 1024
const headers = { Authorization: `Bearer ${token}` }

function megabytesOf(count: number): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(1024 * 1024)
  let left = count
  return new ReadableStream({
    pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()),
  })
}

async function transfer(): Promise<number> {
  if (way === 'up') {
    const body = megabytesOf(Number(megabytes))
    const length = { 'Content-Length': String(total) }
    const response = await fetch(url, { method: 'POST', headers: { ...headers, ...length }, body })
    return Number(await response.text())
  }
  let bytes = 0
  const response = await fetch(url, { headers })
  for await (const chunk of response.body!) bytes += chunk.length
  return bytes
}

const started = performance.now()
const moved = await transfer()
if (moved !== total) throw new Error(`Of ${total} bytes ${moved} came through.`)
process.stdout.write(String(performance.now() - started))
