// The clock is set while the house runs: what waits for so many ms goes on in step, and cron follows what it shows now.

import { expect, test } from 'bun:test'
import { startTestHouse } from '@home-console/sdk/testing'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const CLOCKWORK = {
  'index.ts': `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  onLoad(ctx) {
    const runs = (label) => () => ctx.log.info('ran', { label })
    ctx.every(10_000, runs('10 s'))
    ctx.every('*/5 * * * *', runs('5 min'), { timeZone: 'UTC' })
    ctx.every('0 3 * * *', runs('at three'), { timeZone: 'UTC', missed: 'once' })
    ctx.after(${3 * MINUTE}, runs('after'))
  },
})`,
}

async function clockwork(now: number) {
  const house = await startTestHouse({ plugins: { clockwork: CLOCKWORK }, now })
  let seen = 0
  return {
    house,
    /** How often each ran while so much time went by. */
    async during(ms: number): Promise<Record<string, number>> {
      await house.clock.advance(ms)
      const lines = house.logs.filter(({ message }) => message === 'ran')
      const fresh = lines.slice(seen).map(({ fields }) => String(fields['label']))
      seen = lines.length
      return Object.fromEntries(Object.entries(Object.groupBy(fresh, String)).map(([k, v]) => [k, v!.length]))
    },
    [Symbol.asyncDispose]: () => house.stop(),
  }
}

const NOON = Date.UTC(2026, 5, 1, 12, 1)

test.each([
  ['a day', DAY],
  ['ten minutes', 10 * MINUTE],
  ['fifty years', NOON],
])('a clock that goes back by %s stops nothing', async (_jump, ms) => {
  await using it = await clockwork(NOON)
  expect(await it.during(MINUTE)).toEqual({ '10 s': 6 })
  it.house.clock.set(-ms)
  // It is noticed within a minute, and in ten there are 60 runs in step, but those of that minute.
  const { '10 s': often = 0, '5 min': cron = 0, after, ...others } = await it.during(10 * MINUTE)
  expect(often).toBeWithin(53, 61)
  expect(cron).toBeWithin(1, 3)
  expect([after, others]).toEqual([1, {}])
  expect((await it.during(10 * MINUTE))['10 s']).toBe(60)
})

test('a clock that goes on by a day makes up for nothing twice', async () => {
  await using it = await clockwork(NOON)
  await it.during(MINUTE)
  it.house.clock.set(DAY)
  const { '10 s': often = 0, '5 min': cron = 0, ...others } = await it.during(10 * MINUTE)
  expect(often).toBeWithin(53, 63)
  expect(cron).toBeWithin(1, 3)
  // What was missed at three is run once, as it was asked for.
  expect(others).toEqual({ after: 1, 'at three': 1 })
})

test('a machine that starts in 1970 gets its time later, and runs what is due by then', async () => {
  await using it = await clockwork(0)
  expect((await it.during(MINUTE))['10 s']).toBe(6)
  it.house.clock.set(NOON)
  await it.during(MINUTE)
  expect(await it.during(10 * MINUTE)).toMatchObject({ '10 s': 60, '5 min': 2 })
  const times = it.house.events.map(({ time }) => time)
  expect(times.every((time) => !Number.isNaN(Date.parse(time)))).toBe(true)
})
