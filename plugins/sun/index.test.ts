import { expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'

const HOUR = 3_600_000
const berlin = { latitude: 52.52, longitude: 13.405, timeZone: 'Europe/Berlin' }

const houseAt = async (now: string, home: object = berlin) => {
  const house = await startTestHouse({ plugins: { sun: import.meta.dir }, now: Date.parse(now) })
  await house.send('PATCH', '/api/core/home', home)
  await house.clock.advance(1_000)
  return house
}

/** The turns that were told, with the minute at which they were. */
const told = (house: TestHouse) =>
  house.events
    .filter(({ type }) => type.startsWith('sun.') && type !== 'sun.elevation')
    .map(({ type, time }) => `${type} ${time.slice(11, 16)}`)

const get = async (house: TestHouse, path: string): Promise<any> =>
  (await house.request(`/api/plugins/sun${path}`)).json()

const statusOf = async (house: TestHouse) => {
  const plugin: any = await (await house.request('/api/core/plugins/sun')).json()
  return plugin.status
}

test('each turn of the sun is told once, when it happens', async () => {
  await using house = await houseAt('2026-06-21T00:00:00Z')
  await house.clock.advance(36 * HOUR)
  expect(told(house)).toEqual([
    'sun.dawn 01:52',
    'sun.rise 02:43',
    'sun.noon 11:08',
    'sun.set 19:33',
    'sun.dusk 20:23',
    'sun.dawn 01:53',
    'sun.rise 02:43',
    'sun.noon 11:08',
  ])
})

test('the elevation is told every five minutes, and what is told is what can be asked', async () => {
  await using house = await houseAt('2026-06-21T11:00:00Z')
  await house.clock.advance(15 * 60_000)
  const heights = house.events.filter(({ type }) => type === 'sun.elevation')
  expect(heights.map(({ time }) => time.slice(11, 16))).toEqual(['11:05', '11:10', '11:15'])
  const { elevationDegrees, isUp, nextSet } = await get(house, '/now')
  expect((heights[2]!.data as any).elevationDegrees).toBeCloseTo(elevationDegrees, 1)
  expect(isUp).toBe(true)
  expect(await house.service('sun').isUp()).toBe(true)
  expect(await house.service('sun').next('set')).toBe(nextSet)
})

test('today is the day of the home’s zone', async () => {
  await using house = await houseAt('2026-06-20T22:30:00Z')
  expect((await get(house, '/today')).date).toBe('2026-06-21')
  expect(await get(house, '/times?date=2026-06-21')).toEqual(await get(house, '/today'))
  expect((await house.request('/api/plugins/sun/times?date=2026-02-30')).status).toBe(400)
  expect(house.service('sun').times('2026-02-30')).rejects.toMatchObject({ code: 'invalid_argument' })
})

test('while nobody has said where the home is, it says what to do; then it begins by itself', async () => {
  await using house = await houseAt('2026-06-21T02:30:00Z', {})
  await house.clock.advance(HOUR)

  const refused = await house.request('/api/plugins/sun/today')
  expect(refused.status).toBe(409)
  expect(await refused.json()).toMatchObject({
    code: 'sun.place_unknown',
    detail: expect.stringContaining('PATCH /api/core/home'),
  })
  expect(house.service('sun').isUp()).rejects.toMatchObject({ code: 'place_unknown' })
  expect(await statusOf(house)).toMatchObject([{ label: 'place', state: 'degraded' }])
  expect(house.events.filter(({ type }) => type.startsWith('sun.'))).toEqual([])

  // The sunrise of an hour ago was nobody's news: only what comes is told.
  await house.send('PATCH', '/api/core/home', berlin)
  await house.clock.advance(10_000)
  expect(await statusOf(house)).toMatchObject([{ label: 'place', state: 'ok' }])
  await house.clock.advance(8 * HOUR)
  expect(told(house)).toEqual(['sun.noon 11:08'])
})

test('when the home moves, the sun of the new place is told', async () => {
  await using house = await houseAt('2026-06-21T11:00:00Z')
  await house.send('PATCH', '/api/core/home', { latitude: 38.72, longitude: -9.14 })
  await house.clock.advance(10 * HOUR)
  // Noon in Berlin is at 11:08, and in Lisbon at 12:38.
  expect(told(house)).toEqual(['sun.noon 12:38', 'sun.set 20:04', 'sun.dusk 20:36'])
})

test('a version that comes while the sun rises tells what the one before did not, and nothing twice', async () => {
  await using house = await houseAt('2026-06-21T02:43:00Z')
  const code = await Bun.file(`${import.meta.dir}/index.ts`).text()
  for (let version = 2; told(house).length === 0; version++) {
    await house.save('sun/index.ts', `${code}// ${version}\n`)
    await house.clock.advance(1_500)
  }
  await house.save('sun/index.ts', `${code}// the last\n`)
  await house.clock.advance(5 * 60_000)
  expect(told(house)).toEqual(['sun.rise 02:43'])
})

test('a turn that passed while nothing ran is told afterwards, if it is still news', async () => {
  await using house = await houseAt('2026-06-21T02:40:00Z')
  const sleep = async (ms: number) => {
    await house.send('PATCH', '/api/core/plugins/sun', { enabled: false })
    await house.clock.advance(ms)
    await house.send('PATCH', '/api/core/plugins/sun', { enabled: true })
    await house.clock.advance(1_000)
  }

  await sleep(10 * 60_000)
  expect(told(house)).toEqual(['sun.rise 02:50'])
  expect(house.events.find(({ type }) => type === 'sun.rise')!.data).toEqual({
    time: expect.stringMatching('T02:43'),
  })

  await sleep(18 * HOUR)
  expect(told(house)).toEqual(['sun.rise 02:50', 'sun.dusk 20:50'])
})
