import { afterEach, beforeEach, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import './contract.ts'

const MINUTE = 60_000
const byText = (one: string | null, other: string | null) => String(one).localeCompare(String(other))

/** What a phone's server was sent, and how it answers. */
class Listener {
  readonly received: { title: string | null; priority: string | null; body: string; headers: Headers }[] = []
  answer: (request: Request) => Response | Promise<Response> = () => new Response('{}')
  readonly #server: Bun.Server<undefined>

  constructor(port = 0) {
    this.#server = Bun.serve({
      port,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        const { headers } = request
        const body = await request.text()
        this.received.push({ title: headers.get('Title'), priority: headers.get('Priority'), body, headers })
        return this.answer(request)
      },
    })
  }

  get port(): number {
    return this.#server.port!
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/topic`
  }

  get titles(): (string | null)[] {
    return this.received.map(({ title }) => title)
  }

  stop(): Promise<void> {
    return this.#server.stop(true)
  }
}

let house: TestHouse
let phone: Listener
beforeEach(async () => {
  phone = new Listener()
  house = await startTestHouse({ plugins: { notify: import.meta.dir } })
})
afterEach(async () => {
  await house.stop()
  await phone.stop()
})

const route = (path: string) => `/api/plugins/notify${path}`
const get = async (path: string): Promise<any> => (await house.request(route(path))).json()
const setTargets = (...targets: object[]) => house.send('PUT', route('/targets'), { targets })
const send = (title: string, more: object = {}) =>
  house.service('notify').send({ title, message: 'Look after it.', ...more })
const said = (type: string) =>
  house.events.filter((event) => event.type === type).map(({ data }) => data as any)

/** Waits, but not for ever, until it is so. */
async function until(what: string, look: () => unknown): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`Waited for ${what}.`)
    await Bun.sleep(2)
  }
}

/** A swap, to the same code. */
const swap = async () => {
  const code = await Bun.file(house.path('notify/index.ts')).text()
  expect((await house.save('notify/index.ts', `${code}\n// again`)).outcome).toBe('committed')
}

test('a notification arrives with all that it has', async () => {
  await setTargets({ name: 'phone', url: phone.url, token: 'tk_secret' })
  const { id } = await send('Küche\r\nX-Evil: 1', {
    message: 'Die Tür ist offen.',
    priority: 'high',
    tags: ['door', 'warning'],
    url: 'http://house.local/tür',
    source: 'doors',
  })

  expect((await house.event('notify.delivered')).data).toEqual({ id, target: 'phone', attempts: 1 })
  const [{ body, headers }] = phone.received as [(typeof phone.received)[0]]
  expect(body).toBe('Die Tür ist offen.')
  expect(headers.get('X-Evil')).toBeNull()
  expect(headers.get('Title')).toBe(`=?UTF-8?B?${Buffer.from('Küche\r\nX-Evil: 1').toString('base64')}?=`)
  expect(headers.get('Priority')).toBe('high')
  expect(headers.get('Tags')).toBe('door,warning')
  expect(headers.get('Click')).toBe('http://house.local/t%C3%BCr')
  expect(headers.get('Authorization')).toBe('Bearer tk_secret')
  expect(said('notify.sent')).toEqual([
    { id, source: 'doors', title: 'Küche\r\nX-Evil: 1', priority: 'high' },
  ])
  expect((await get('/outbox')).letters).toEqual([])
})

test('what is no notification is refused with what is wrong', async () => {
  expect(house.service('notify').send({ title: '', message: 'x' })).rejects.toMatchObject({
    code: 'invalid_argument',
    detail: expect.stringContaining('title'),
  })
  const response = await house.send('POST', route('/messages'), {
    title: 'x',
    message: 'y',
    url: 'file:///etc',
  })
  expect(await response.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/url' }] })
})

test('a target gets nothing that matters less than it asks for', async () => {
  const loud = new Listener()
  await setTargets({ name: 'all', url: phone.url }, { name: 'loud', url: loud.url, minPriority: 'high' })
  await send('one')
  await send('two', { priority: 'urgent' })
  await until('all', () => said('notify.delivered').length === 3)
  expect([phone.titles.toSorted(byText), loud.titles]).toEqual([['one', 'two'], ['two']])
  await loud.stop()
})

test('a target that fails gets it again after a growing pause', async () => {
  await setTargets({ name: 'phone', url: phone.url })
  phone.answer = () => new Response('', { status: phone.received.length < 3 ? 503 : 200 })
  await send('one')
  await until('the first try', () => phone.received.length === 1)
  await until('a status', async () => (await status())[0].state === 'degraded')
  expect((await status())[0].message).toBe('"phone": it answered 503')

  await house.clock.advance(3_000)
  expect(phone.received).toHaveLength(1)
  await house.clock.advance(4_000)
  await until('the second', () => phone.received.length === 2)
  await until(
    'its end',
    async () => house.logs.filter(({ message }) => message.includes('tried again')).length === 2,
  )
  await house.clock.advance(7_000)
  expect(phone.received).toHaveLength(2)
  await house.clock.advance(6_000)

  expect((await house.event('notify.delivered')).data).toMatchObject({ attempts: 3 })
  expect((await status())[0].state).toBe('ok')
  expect(new Set(phone.received.map(({ headers }) => headers.get('Idempotency-Key'))).size).toBe(1)
})

const status = async (): Promise<any> =>
  ((await (await house.request('/api/core/plugins/notify')).json()) as any).status

test('a target that asks for time gets it', async () => {
  await setTargets({ name: 'phone', url: phone.url })
  phone.answer = () => new Response('', { status: 429, headers: { 'Retry-After': '120' } })
  await send('one')
  await until('the refusal', async () => (await status())[0].state === 'degraded')
  phone.answer = () => new Response('')

  await house.clock.advance(119_000)
  expect(phone.received).toHaveLength(1)
  await house.clock.advance(2_000)
  await house.event('notify.delivered')
})

test('a target that cannot be reached gets it when it is back', async () => {
  const { port } = phone
  await setTargets({ name: 'phone', url: phone.url })
  await phone.stop()
  await send('one')
  await until('the failure', async () => (await status())[0].state === 'degraded')
  phone = new Listener(port)
  await house.clock.advance(MINUTE)
  await house.event('notify.delivered')
  expect(phone.titles).toEqual(['one'])
})

test('a refusal is final, and so is an answer that leads elsewhere', async () => {
  const elsewhere = new Listener()
  await setTargets({ name: 'phone', url: phone.url, token: 'tk_secret' })
  phone.answer = () => new Response('', { status: 403 })
  await send('one')
  expect((await house.event('notify.failed')).data).toMatchObject({
    target: 'phone',
    reason: 'it answered 403',
  })
  phone.answer = () => Response.redirect(elsewhere.url, 307)
  await send('two')
  expect((await house.event('notify.failed')).data.reason).toContain('leads elsewhere')

  await house.clock.advance(60 * MINUTE)
  expect(phone.titles).toEqual(['one', 'two'])
  expect(elsewhere.received).toEqual([])
  await elsewhere.stop()
})

test('what nobody took for a day is given up', async () => {
  await setTargets({ name: 'phone', url: phone.url })
  phone.answer = () => new Response('', { status: 429, headers: { 'Retry-After': '3600' } })
  await send('one')
  await until('the first try', async () => (await status())[0].state === 'degraded')
  for (let hour = 0; said('notify.failed').length === 0; hour++) {
    expect(hour).toBeLessThan(30)
    await house.clock.advance(60 * MINUTE)
    await Bun.sleep(5)
  }
  expect(phone.received.length).toBeLessThanOrEqual(20)
  expect((await get('/outbox')).letters).toEqual([])
})

test('one target that hangs does not hold up another', async () => {
  const hung = new Listener()
  const end = Promise.withResolvers<Response>()
  hung.answer = () => end.promise
  await setTargets({ name: 'hung', url: hung.url }, { name: 'phone', url: phone.url })
  await send('one')
  expect((await house.event('notify.delivered')).data.target).toBe('phone')
  end.resolve(new Response(''))
  expect((await house.event('notify.delivered')).data.target).toBe('hung')
  await hung.stop()
})

test('what waits survives a swap and a restart, and arrives once', async () => {
  await setTargets({ name: 'phone', url: phone.url, token: 'tk_secret' })
  phone.answer = () => new Response('', { status: 500 })
  const { id } = await send('one')
  await until('the first try', () => phone.received.length === 1)
  await swap()
  await until('a try of the new version', () => phone.received.length === 2)
  await house.send('PATCH', '/api/core/plugins/notify', { enabled: false })
  phone.answer = () => new Response('')
  await house.send('PATCH', '/api/core/plugins/notify', { enabled: true })

  expect((await house.event('notify.delivered')).data).toMatchObject({ id })
  expect(phone.received.at(-1)!.headers.get('Authorization')).toBe('Bearer tk_secret')
  await house.clock.advance(60 * MINUTE)
  expect(phone.received).toHaveLength(3)
})

test('a delivery under way at a swap ends where it began, and is not made twice', async () => {
  const slow = Promise.withResolvers<Response>()
  phone.answer = () => slow.promise
  await setTargets({ name: 'phone', url: phone.url })
  await send('one')
  await until('the delivery', () => phone.received.length === 1)
  await swap()
  await send('two')
  // Long enough to break it off, if anybody wanted to.
  await Bun.sleep(50)
  slow.resolve(new Response(''))
  await until('both', () => said('notify.delivered').length === 2)
  expect(phone.titles).toEqual(['one', 'two'])
  expect(said('notify.failed')).toEqual([])
})

test('the same again is the same notification, and too many are refused', async () => {
  await setTargets({ name: 'phone', url: phone.url })
  const first = await send('same', { source: 'doors' })
  expect(await send('same', { source: 'doors' })).toEqual(first)
  expect(await send('same', { source: 'windows' })).not.toEqual(first)
  for (let index = 2; index <= 20; index++) await send(`${index}`, { source: 'doors' })
  expect(send('one too many', { source: 'doors' })).rejects.toMatchObject({ code: 'too_many', status: 429 })
  await send('of another', { source: 'windows' })
  await until('all', () => said('notify.delivered').length === 22)
  expect(phone.titles.filter((title) => title === 'same')).toHaveLength(2)

  await house.clock.advance(10 * MINUTE)
  expect(await send('same', { source: 'doors' })).not.toEqual(first)
})

test('when the outbox is full, the oldest of what matters least makes way, and that is said', async () => {
  await setTargets({ name: 'phone', url: phone.url })
  phone.answer = () => new Response('', { status: 429, headers: { 'Retry-After': '3600' } })
  await send('dear', { priority: 'high', source: 's' })
  const { id } = await send('cheap', { priority: 'low', source: 's' })
  for (let index = 0; index < 199; index++)
    await send(`${index}`, { source: `s${index % 15}`, priority: 'low' })
  expect((await house.event('notify.failed')).data).toMatchObject({
    id,
    reason: expect.stringContaining('others'),
  })
  const { letters } = await get('/outbox')
  expect(letters).toHaveLength(200)
  expect(letters[0].message.title).toBe('dear')
})

test('tokens are never shown, and stay where they were meant for', async () => {
  await setTargets({ name: 'phone', url: phone.url, token: 'tk_secret' })
  const shown = { name: 'phone', url: phone.url, minPriority: 'min' }
  expect(await get('/targets')).toEqual({ targets: [{ ...shown, hasToken: true }] })

  // What was given can be sent back, changed, and the token is kept.
  await setTargets({ ...shown, hasToken: true, minPriority: 'low' })
  expect((await get('/targets')).targets[0]).toMatchObject({ minPriority: 'low', hasToken: true })
  await setTargets({ ...shown, url: 'https://elsewhere.example/topic' })
  expect((await get('/targets')).targets[0].hasToken).toBe(false)

  await setTargets({ ...shown, token: 'tk_secret' })
  const files = [...new Bun.Glob('**/*').scanSync({ cwd: `${house.folder}/data`, dot: true })]
  for (const file of files)
    expect([file, await Bun.file(`${house.folder}/data/${file}`).text()]).toEqual([
      file,
      expect.not.stringContaining('tk_secret'),
    ])
  expect(JSON.stringify(house.logs)).not.toContain('tk_secret')
})

test('only an owner says where notifications go, and only to addresses on the web', async () => {
  for (const path of ['/targets', '/outbox'])
    expect((await house.request(route(path), { headers: { Authorization: '' } })).status).toBe(401)
  for (const url of ['file:///etc/passwd', 'ftp://phone', 'http://user:secret@phone/', 'nonsense'])
    expect([url, (await setTargets({ name: 'phone', url })).status]).toEqual([url, 400])
  expect((await setTargets({ name: 'a', url: phone.url }, { name: 'a', url: phone.url })).status).toBe(400)
})

test('a try says of each target how it went', async () => {
  const refusing = new Listener()
  refusing.answer = () => new Response('', { status: 401 })
  await setTargets({ name: 'phone', url: phone.url }, { name: 'other', url: refusing.url })
  expect(await (await house.send('POST', route('/test'), {})).json()).toEqual({
    results: [
      { target: 'phone', delivered: true, reason: null },
      { target: 'other', delivered: false, reason: 'it answered 401' },
    ],
  })
  await refusing.stop()
})

test('without a target, it says where to name one', async () => {
  await send('one')
  expect(await status()).toMatchObject([
    {
      label: 'targets',
      state: 'degraded',
      message: expect.stringContaining('PUT /api/plugins/notify/targets'),
    },
  ])
})
