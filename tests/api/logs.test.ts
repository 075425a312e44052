// The log over HTTP: the last lines, by plugin and level, and those to come.

import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { TestHouse } from '@home-console/sdk/testing'
import { z } from 'zod'
import { LogLine } from '../../core/api/schemas.ts'
import { houseOf, NO_TOKEN } from '../http/kit.ts'
import { until } from '../until.ts'
import { EventReader } from './sse.ts'

const plugin = `
  const router = ctx.router()
  router.post('/:level', async (c) => { c.var.log[c.req.param('level')](await c.req.text(), { n: 1 }); return c.text('') })
  return router`

let house: TestHouse
beforeEach(async () => {
  house = await houseOf({ lamp: plugin, pump: plugin })
})
afterEach(() => house.stop())

const say = (id: string, level: string, message: string) =>
  house.request(`/api/plugins/${id}/${level}`, { method: 'POST', body: message })
const Page = z.strictObject({ logs: z.array(LogLine), next: z.number().nullable() })
const read = async (query = '') => {
  const response = await house.request(`/api/core/logs${query}`)
  const body = await response.json()
  const page = Page.parse(body)
  expect(page as unknown).toEqual(body)
  return page
}
const messages = async (query: string) => (await read(query)).logs.map(({ message }) => message)

test('the last lines come newest first, each with its owner and the request that it belongs to', async () => {
  await say('lamp', 'info', 'one')
  await say('pump', 'warn', 'two')
  const { logs } = await read('?limit=2')
  expect(logs).toMatchObject([
    { level: 'warn', plugin: 'pump', message: 'two', fields: { n: 1, requestId: expect.any(String) } },
    { level: 'info', plugin: 'lamp', message: 'one', fields: { n: 1, requestId: expect.any(String) } },
  ])
  expect(logs[0]!.fields['requestId']).not.toBe(logs[1]!.fields['requestId'])
})

test('they are chosen by plugin and by the least level', async () => {
  for (const level of ['debug', 'info', 'warn', 'error']) {
    await say('lamp', level, `lamp ${level}`)
    await say('pump', level, `pump ${level}`)
  }
  expect(await messages('?plugin=lamp&level=warn')).toEqual(['lamp error', 'lamp warn'])
  expect((await messages('?level=error')).filter((text) => /^(lamp|pump)/.test(text))).toEqual([
    'pump error',
    'lamp error',
  ])
  expect(await messages('?plugin=nobody')).toEqual([])
  for (const query of ['?level=loud', '?limit=0', '?limit=2001', '?before=x']) {
    expect((await house.request(`/api/core/logs${query}`)).status).toBe(400)
  }
  expect((await house.request('/api/core/logs', NO_TOKEN)).status).toBe(401)
})

test('they are read page by page, back to the first', async () => {
  for (let count = 0; count < 5; count++) await say('lamp', 'info', `line ${count}`)
  const seen: string[] = []
  let query = '?plugin=lamp&level=info&limit=2'
  for (;;) {
    const { logs, next } = await read(query)
    seen.push(...logs.map(({ message }) => message))
    if (next === null) break
    query = `?plugin=lamp&level=info&limit=2&before=${next}`
  }
  expect(seen.slice(0, 5)).toEqual(['line 4', 'line 3', 'line 2', 'line 1', 'line 0'])
  expect(seen).toEqual([...new Set(seen)])
})

test('as a stream, each line comes as it is written, of the plugin and level that were asked for', async () => {
  await say('lamp', 'error', 'before')
  await using stream = await EventReader.open((signal) =>
    house.request('/api/core/logs?plugin=lamp&level=warn', {
      headers: { Accept: 'text/event-stream' },
      signal,
    }),
  )
  await say('pump', 'error', 'not mine')
  await say('lamp', 'info', 'too quiet')
  await say('lamp', 'warn', 'a line\nwith\r\na break')
  await say('lamp', 'error', 'last')
  await until('two lines', () => stream.frames.length === 2)
  expect(stream.frames.map(({ data }) => LogLine.parse(data).message)).toEqual([
    'a line\nwith\r\na break',
    'last',
  ])
  expect(stream.frames.map(({ id, data }) => id === String(data.id))).toEqual([true, true])
  expect(stream.text).not.toMatch(/^event:/m)
})

test('no line shows the token', async () => {
  await say('lamp', 'info', `it is ${house.token}`)
  expect(await messages('?plugin=lamp&limit=1')).toEqual(['it is ***'])
})
