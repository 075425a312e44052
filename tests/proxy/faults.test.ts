// Twelve ways in which a service fails: the right status within its deadline, a line in the log that says it, the service
// called off when the client leaves, and nobody else disturbed.

import { afterEach, describe, expect, test } from 'bun:test'
import type { Socket } from 'node:net'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { FullHouse, houseBefore, warnings, WildService } from './kit.ts'

let house: TestHouse
let service: WildService | undefined
afterEach(async () => {
  await house?.stop()
  await service?.[Symbol.asyncDispose]()
  service = undefined
})

const LIMITS = { connectMs: 200, firstByteMs: 300, silenceMs: 300 }

async function behind(
  behave: (socket: Socket, head: string) => void,
  limits: Record<string, number> = LIMITS,
): Promise<void> {
  service = await WildService.start(behave)
  house = await houseBefore({ wild: { url: service.url, limits } })
}

const ask = (init?: RequestInit) => house.request('/api/plugins/wild/x', init)

async function codeOf(response: Response): Promise<unknown[]> {
  const problem = (await response.json()) as Record<string, unknown>
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  expect(problem['detail']).toContain('"wild"')
  return [response.status, problem['code']]
}

/** What a client that reads to the end meets. */
const fate = (response: Response) =>
  response.text().then(
    () => 'whole',
    () => 'broken',
  )

const idle = () =>
  until('no call to be under way', () => {
    const target = house.runtime.external.find('wild')!
    return house.runtime.proxy.stateOf(target).inFlight === 0
  })

const OK = 'HTTP/1.1 200 OK\r\n'

describe('a service that', () => {
  test('gives no proper answer, and a body without end, is not left connected', async () => {
    await behind((socket) =>
      socket.write('HTTP/1.1 600 What\r\nContent-Length: 1000000\r\n\r\nthe beginning'),
    )
    expect(await codeOf(await ask())).toEqual([502, 'external_bad_answer'])
    await until('it to be left alone', () => service!.open === 0)
  })

  test('is about to be asked when the version of its adapter ends is not asked', async () => {
    await behind((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    const { app, loader, url } = house.runtime
    const request = new Request(`${url.origin}/api/plugins/wild/x`, {
      headers: { Host: url.host, Authorization: `Bearer ${house.runtime.adminToken}` },
    })
    // Nobody of this name has called yet: his token is still to be made.
    const answered = app.fetch(request, undefined as never)
    await loader.find('wild')!.serving!.close()
    expect((await answered)!.status).toBe(503)
    await idle()
    expect(service!.heads).toEqual([])
  })

  test('is not there is unreachable', async () => {
    await behind(() => {})
    await service![Symbol.asyncDispose]()
    expect(await codeOf(await ask())).toEqual([502, 'external_unreachable'])
    expect(warnings(house).at(-1)).toMatch(
      /"wild" cannot be reached \(ECONNREFUSED\).*GET \/api\/plugins\/wild\/x/,
    )
  })

  test('resets as soon as it is connected to is unreachable, and is asked again where that does no harm', async () => {
    await behind((socket) => socket.resetAndDestroy())
    const before = service!.heads.length
    expect(await codeOf(await ask())).toEqual([502, 'external_unreachable'])
    expect(service!.heads.length - before).toBe(2)
    expect(await codeOf(await ask({ method: 'POST', body: 'pay' }))).toEqual([502, 'external_unreachable'])
    expect(service!.heads.length - before).toBe(3)
    expect(warnings(house).at(-1)).toContain('ECONNRESET')
  })

  test('resets in its headers is unreachable', async () => {
    await behind((socket) => socket.write(`${OK}Content-Le`, () => socket.resetAndDestroy()))
    expect(await codeOf(await ask({ method: 'PUT' }))).toEqual([502, 'external_unreachable'])
    expect(warnings(house).at(-1)).toContain('"wild" cannot be reached')
  })

  test('resets in a short body gave a bad answer', async () => {
    await behind((socket) =>
      socket.write(`${OK}Content-Length: 100\r\n\r\nabc`, () =>
        setTimeout(() => socket.resetAndDestroy(), 20),
      ),
    )
    expect(await codeOf(await ask())).toEqual([502, 'external_bad_answer'])
    expect(warnings(house).at(-1)).toContain('broke off its answer')
  })

  test('says more than it sends gave a bad answer, and what it sends too much reaches nobody', async () => {
    await behind((socket, head) => {
      if (head.startsWith('GET /long'))
        socket.write(`${OK}Content-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsteal`)
      else socket.write(`${OK}Content-Length: 100\r\n\r\nabc`, () => socket.end())
    })
    expect(await codeOf(await ask())).toEqual([502, 'external_bad_answer'])
    const long = () => house.request('/api/plugins/wild/long').then((response) => response.text())
    expect([await long(), await long(), await long()]).toEqual(['abc', 'abc', 'abc'])
  })

  test('takes no connection is timed out sooner than one that does not answer', async () => {
    await using full = await FullHouse.start()
    house = await houseBefore({ wild: { url: full.url, limits: { connectMs: 200, firstByteMs: 20_000 } } })
    await full.fill()
    expect(await codeOf(await ask())).toEqual([504, 'external_timeout'])
    expect(warnings(house).at(-1)).toContain('took no connection within 200 ms')
  })

  test('never answers is timed out, and called off', async () => {
    await behind(() => {})
    const asked = performance.now()
    expect(await codeOf(await ask())).toEqual([504, 'external_timeout'])
    expect(performance.now() - asked).toBeWithin(290, 1_500)
    expect(warnings(house).at(-1)).toContain('did not answer within 300 ms')
    await until('it to be called off', () => service!.open === 0)
  })

  test('never ends is read for as long as its client likes', async () => {
    await behind((socket) => {
      socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`)
      const timer = setInterval(() => socket.write('4\r\nmore\r\n'), 20)
      socket.on('close', () => clearInterval(timer))
    })
    const leaving = new AbortController()
    const response = await ask({ signal: leaving.signal })
    const reader = response.body!.getReader()
    for (let read = 0; read < 40; read++) expect((await reader.read()).done).toBe(false)
    const left = performance.now()
    leaving.abort()
    await until('it to be called off', () => service!.open === 0)
    expect(service!.closedAt - left).toBeLessThan(500)
    await idle()
    expect(warnings(house)).toEqual([])
  })

  test('talks nonsense gave a bad answer', async () => {
    const nonsense = [
      '\x00\x01\x02 nonsense\r\n\r\n',
      'SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n',
      'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n',
      `${OK}Content-Length: 2\r\nContent-Length: 5\r\n\r\nok`,
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    ]
    let turn = -1
    await behind((socket, head) =>
      socket.write(head.startsWith('GET /fine') ? `${OK}Content-Length: 0\r\n\r\n` : nonsense[turn]!),
    )
    for (turn = 0; turn < nonsense.length; turn++) {
      expect([turn, ...(await codeOf(await ask()))]).toEqual([turn, 502, 'external_bad_answer'])
      // So that the service is not left alone for all the others.
      expect((await house.request('/api/plugins/wild/fine')).status).toBe(200)
    }
    expect(warnings(house).join()).toContain('the status 999, which is none')
  })

  test('sends huge headers gave a bad answer, and fills no memory', async () => {
    await behind((socket, head) => {
      if (!head.startsWith('GET /endless'))
        return void socket.write(`${OK}X-Huge: ${'a'.repeat(100_000)}\r\nContent-Length: 2\r\n\r\nok`)
      socket.write(OK)
      const timer = setInterval(() => socket.write(`X-More: ${'a'.repeat(100_000)}\r\n`), 1)
      socket.on('close', () => clearInterval(timer))
    })
    expect(await codeOf(await ask())).toEqual([502, 'external_bad_answer'])
    expect(warnings(house).at(-1)).toContain('headers of more than')
    expect(await codeOf(await house.request('/api/plugins/wild/endless'))).toEqual([
      502,
      'external_bad_answer',
    ])
    await until('it to be called off', () => service!.open === 0)
  })

  test('redirects is not followed', async () => {
    const to: string[] = []
    await behind((socket) =>
      socket.write(`HTTP/1.1 302 Found\r\nLocation: ${to[0]}\r\nContent-Length: 0\r\n\r\n`),
    )
    const led = async (location: string) => {
      to[0] = location
      const response = await ask({ redirect: 'manual' })
      return response.status === 302 ? response.headers.get('Location') : response.status
    }
    const seen = service!.heads.length
    expect(await led('/login?next=1#here')).toBe('/api/plugins/wild/login?next=1#here')
    expect(await led(`${service!.url}/deep/er`)).toBe('/api/plugins/wild/deep/er')
    expect(await led('next')).toBe('/api/plugins/wild/next')
    expect(await led('/api/plugins/wild/next')).toBe('/api/plugins/wild/next')
    expect(await led('?page=2')).toBe('/api/plugins/wild/x?page=2')
    expect(await led('https://elsewhere.example/a')).toBe('https://elsewhere.example/a')
    expect(await led('http://127.0.0.1:1/')).toBe('http://127.0.0.1:1/')
    expect(await led('javascript:alert(1)')).toBe(502)
    expect(await led('file:///etc/passwd')).toBe(502)
    expect(service!.heads.length - seen).toBe(9)
  })

  test('tells where what it made is, is understood as from the house', async () => {
    const to: string[] = []
    await behind((socket) =>
      socket.write(`HTTP/1.1 201 Created\r\nLocation: ${to[0]}\r\nContent-Length: 0\r\n\r\n`),
    )
    for (const [location, led] of [
      [`${service!.url}/clients/7`, '/api/plugins/wild/clients/7'],
      ['/clients/7', '/api/plugins/wild/clients/7'],
      ['javascript:alert(1)', null],
    ] as const) {
      to[0] = location
      const response = await ask({ method: 'POST' })
      expect([response.status, response.headers.get('Location')]).toEqual([201, led])
    }
  })

  test('dies while it streams breaks the stream of its client', async () => {
    await behind((socket, head) => {
      if (head.startsWith('GET /long')) socket.write(`${OK}Content-Length: 1000000\r\n\r\nabc`)
      else socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`)
      setTimeout(() => socket.resetAndDestroy(), 50)
    })
    for (const path of ['x', 'long']) {
      const response = await house.request(`/api/plugins/wild/${path}`)
      expect([path, response.status, await fate(response)]).toEqual([path, 200, 'broken'])
    }
    await until('two lines', () => warnings(house).length === 2)
    expect(warnings(house).at(-1)).toContain('broke off its answer (ECONNRESET)')
    expect(house.runtime.loader.faults.get('wild') ?? 0).toBe(0)
    await idle()
  })

  test('falls silent while it streams is cut', async () => {
    await behind((socket) => socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`))
    const response = await ask()
    const asked = performance.now()
    expect([response.status, await fate(response)]).toEqual([200, 'broken'])
    expect(performance.now() - asked).toBeWithin(250, 1_500)
    expect(warnings(house).at(-1)).toContain('was silent for 300 ms')
    await until('it to be called off', () => service!.open === 0)
    await idle()
  })

  test('drips is given its time, as long as it drips', async () => {
    const drip = (socket: Socket) => {
      let left = 10
      const timer = setInterval(() => {
        if (left-- > 0) return void socket.write('2\r\nab\r\n')
        clearInterval(timer)
        socket.write('0\r\n\r\n')
      }, 50)
      socket.on('close', () => clearInterval(timer))
    }
    await behind(
      (socket) => {
        socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`)
        drip(socket)
      },
      { silenceMs: 450 },
    )
    const response = await ask()
    const reader = response.body!.getReader()
    const { value } = await reader.read()
    expect(value!.length).toBeLessThan(20)
    let bytes = value!.length
    for (let next = await reader.read(); !next.done; next = await reader.read()) bytes += next.value.length
    expect(bytes).toBe(20)
    expect(warnings(house)).toEqual([])
  })
})

describe('a client that leaves', () => {
  test.each([
    ['before the answer', '', ''],
    ['in a quiet body', `${OK}Content-Length: 1000000\r\n\r\nabc`, 'abc'],
    ['in a short body', `${OK}Content-Length: 10\r\n\r\nabc`, ''],
  ])('%s has the service called off within 500 ms', async (_when, answer, first) => {
    await behind((socket) => answer !== '' && socket.write(answer), {})
    const leaving = new AbortController()
    const asked = ask({ signal: leaving.signal })
    await until('the service to be asked', () => service!.open === 1)
    if (first !== '') {
      const { value } = await (await asked).body!.getReader().read()
      expect(new TextDecoder().decode(value)).toBe(first)
    }
    const left = performance.now()
    leaving.abort()
    await asked.catch(() => {})
    await until('the service to be called off', () => service!.open === 0)
    expect(service!.closedAt - left).toBeLessThan(500)
    await idle()
    expect(warnings(house)).toEqual([])
  })

  test('in the middle of an upload has the service called off', async () => {
    await behind(() => {}, {})
    const leaving = new AbortController()
    const upload = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(100_000))
      },
    })
    const asked = ask({ method: 'POST', body: upload, signal: leaving.signal }).catch(() => {})
    await until('the service to be asked', () => service!.open === 1)
    const left = performance.now()
    leaving.abort()
    await asked
    await until('the service to be called off', () => service!.open === 0)
    expect(service!.closedAt - left).toBeLessThan(500)
    await idle()
    expect(warnings(house)).toEqual([])
  })
})
