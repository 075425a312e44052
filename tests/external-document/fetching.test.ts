// How the document of a service is fetched: from a real server, with all that one may do wrong.

import { afterEach, describe, expect, test } from 'bun:test'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { call } from '../../core/external/call.ts'
import { KeptDocument } from '../../core/external/correspondence/kept-document.ts'
import { Log, type LogLine } from '../../core/log/log.ts'
import { PauseClock } from '../pause-clock.ts'
import { until } from '../until.ts'

/** A service, and what is kept of it. Its document is a JSON array. */
class Service {
  readonly logs: LogLine[] = []
  readonly clock = new PauseClock(Date.now())
  readonly asked: (string | undefined)[] = []
  changes = 0
  isUp = true
  path: string | undefined = '/openapi.json'
  answer: (response: ServerResponse) => void = (response) => response.end('["first"]')
  closed = 0
  readonly #server = createServer((request, response) => {
    this.asked.push(request.headers['if-none-match'])
    response.on('close', () => this.closed++)
    this.answer(response)
  })
  readonly kept: KeptDocument<string[]>

  constructor() {
    this.#server.listen(0, '127.0.0.1')
    const log = new Log({ level: 'debug', write: (line) => void this.logs.push(line) })
    this.kept = new KeptDocument({
      name: 'clients',
      clock: this.clock,
      log: () => log.of(null),
      path: () => this.path,
      fetch: () => {
        const { port } = this.#server.address() as AddressInfo
        const place = { origin: `http://127.0.0.1:${port}`, address: null, credential: 'of this test' }
        return this.isUp ? (path, init) => call(place, path, init) : null
      },
      read: (text) => {
        if (text.includes('slow')) Bun.sleepSync(25)
        return JSON.parse(text) as string[]
      },
      onChange: () => void this.changes++,
    })
  }

  async change(refresh = () => this.kept.refresh()): Promise<void> {
    const before = this.changes
    refresh()
    await until('a change', () => this.changes > before)
  }

  stop(): void {
    this.kept.stop()
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

let service: Service
const serve = () => (service = new Service())
afterEach(() => service.stop())

describe('the document of a service', () => {
  test('is fetched, and again after five minutes; the same one changes nothing', async () => {
    const { kept, clock } = serve()
    await service.change()
    expect([kept.document, kept.fault]).toEqual([['first'], null])
    await clock.advance(300_000)
    await until('the second look', () => service.closed === 2)
    service.answer = (response) => response.end('["second"]')
    await until('the third look', async () => {
      await clock.advance(300_000)
      return kept.document![0] === 'second'
    })
    expect(service.changes).toBe(2)
  })

  test('is not sent again where it has a tag, unless the service came up anew', async () => {
    const { kept, clock } = serve()
    service.answer = (response) => {
      if (service.asked.at(-1) === '"1"') response.writeHead(304).end()
      else response.setHeader('ETag', '"1"').end('["tagged"]')
    }
    await service.change()
    await until('the pause', () => service.clock.pauses.length === 1)
    await clock.advance(300_000)
    await until('the second look', () => service.clock.pauses.length === 2)
    expect(service.asked).toEqual([undefined, '"1"'])
    kept.refresh()
    await until('the third look', () => service.clock.pauses.length === 3)
    expect(service.asked).toEqual([undefined, '"1"', undefined])
    expect([kept.document, service.changes]).toEqual([['tagged'], 1])
  })

  test('is not at fault where “not modified” answers a look from before the service came up anew', async () => {
    const { kept, clock } = serve()
    const held: ServerResponse[] = []
    service.answer = (response) => {
      if (service.asked.at(-1) === undefined) response.setHeader('ETag', '"1"').end('["tagged"]')
      else held.push(response)
    }
    await service.change()
    await until('the pause', () => clock.pauses.length === 1)
    await clock.advance(300_000)
    await until('the second look', () => held.length === 1)
    kept.refresh()
    held[0]!.writeHead(304).end()
    await until('the third look', () => clock.pauses.length === 2)
    expect(service.asked).toEqual([undefined, '"1"', undefined])
    expect([kept.fault, service.changes, service.logs]).toEqual([null, 1, []])
  })

  /** 200 MB, in 200 KB. */
  const packed = gzipSync(Buffer.alloc(200 * 1024 * 1024))
  const flood = 'x'.repeat(64 * 1024)
  const pour = (response: ServerResponse) => {
    while (!response.destroyed && response.write(flood));
    response.once('drain', () => pour(response))
  }
  test.each<[what: string, answer: (response: ServerResponse) => void, why: RegExp]>([
    ['no JSON', (response) => response.end('<html>'), /JSON/],
    ['an error', (response) => response.writeHead(500).end('["second"]'), /answered with 500/],
    ['a redirect', (response) => response.writeHead(302, { Location: '/other' }).end(), /answered with 302/],
    ['a document without end', pour, /larger than 2 MB/],
    [
      'a bomb',
      (response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed),
      /packed as gzip/,
    ],
    [
      'less than it says',
      (response) =>
        response.writeHead(200, { 'Content-Length': 99 }).write('["sec', () => response.destroy()),
      /./,
    ],
    ['a reset', (response) => response.destroy(), /./],
  ])('stays the last good one where the service gives %s', async (_, answer, why) => {
    const { kept } = serve()
    await service.change()
    service.answer = answer
    await service.change()
    expect(kept.document).toEqual(['first'])
    expect(kept.fault).toMatch(why)
    expect(service.logs.map(({ level, message }) => [level, message])).toEqual([
      ['warn', `The OpenAPI document of "clients" is not taken: ${kept.fault} The one before stays.`],
    ])
    await until('the connection to be let go of', () => service.closed === service.asked.length)
    service.answer = (response) => response.end('["mended"]')
    await service.change(() => void service.clock.advance(2_000))
    expect([kept.document, kept.fault]).toEqual([['mended'], null])
  })

  test('is asked for with growing pauses while it cannot be had, and told of once', async () => {
    const { clock } = serve()
    service.answer = (response) => response.writeHead(503).end()
    await service.change()
    while (service.clock.pauses.length < 10) {
      const { length } = service.clock.pauses
      await clock.advance(service.clock.pauses.at(-1)!)
      await until('another look', () => service.clock.pauses.length > length)
    }
    const seconds = service.clock.pauses.map((pause) => pause / 1_000)
    expect(seconds).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    expect(service.logs).toHaveLength(1)
  })

  test('is waited for while the service is down, and gone where it gives none any more', async () => {
    const { kept, clock } = serve()
    service.isUp = false
    kept.refresh()
    await clock.advance(3_600_000)
    expect(service.asked).toEqual([])
    service.isUp = true
    await service.change()
    service.path = undefined
    await service.change()
    expect(kept.document).toBeNull()
  })

  test('that takes long to read is not read again at once, however often the service comes up', async () => {
    serve()
    let number = 0
    service.answer = (response) => response.end(`["slow ${++number}"]`)
    await service.change()
    const second = performance.now()
    await service.change()
    const third = performance.now()
    await service.change()
    // Each takes 25 ms, of 500.
    expect(performance.now() - third).toBeGreaterThan(300)
    expect(third - second).toBeGreaterThan(300)
  })

  test('that hangs is called off at the end', async () => {
    const { kept } = serve()
    service.answer = () => {}
    kept.refresh()
    await until('the request', () => service.asked.length === 1)
    kept.stop()
    await until('the connection to be let go of', () => service.closed === 1)
    expect(service.logs).toEqual([])
  })
})
