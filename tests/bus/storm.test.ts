// A storm of events in a real house: its spinner is named, and the others go on.

import { expect, test } from 'bun:test'
import { startTestHouse } from '@home-console/sdk/testing'

const definition = (body: string) => ({
  'index.ts': `import { definePlugin } from '@home-console/sdk'\nexport default definePlugin({ onLoad(ctx) {\n${body}\n} })\n`,
})

test('two plugins that answer each other for ever are cut off, and the one that went too far is charged', async () => {
  await using house = await startTestHouse({
    plugins: {
      ping: definition(`ctx.events.on('pong.said', () => ctx.events.emit('ping.said', null))`),
      pong: definition(
        `ctx.events.on('ping.said', async () => { await 0; ctx.events.emit('pong.said', null) })`,
      ),
      calm: definition(`
        ctx.events.on('calm.ask', () => ctx.events.emit('calm.answer', null))
        const router = ctx.router()
        router.post('/ask', (c) => { ctx.events.emit('calm.ask', null); return c.body(null, 204) })
        return router
      `),
    },
  })
  await house.send('POST', '/api/core/events', {
    specversion: '1.0',
    id: '1',
    source: '/clients/t',
    type: 'ping.said',
    data: null,
  })
  await Bun.sleep(300)
  await house.request('/api/plugins/calm/ask', { method: 'POST' })
  await house.event('calm.answer')

  const charged = house.logs.filter(({ message }) => message.includes('event storm'))
  expect(charged).toHaveLength(1)
  expect(charged[0]!.plugin).toBeOneOf(['ping', 'pong'])
  const metrics = await (await house.request('/metrics')).text()
  expect(metrics).toMatch(
    new RegExp(`home_console_plugin_faults_total\\{plugin="${charged[0]!.plugin}"\\} 1`),
  )
})

test('of events that are handled at the same time, each knows what came of it, and who failed meanwhile', async () => {
  const hearing = (id: string) =>
    definition(`
      for (const pattern of ['asked.*', 'asked.**'])
        ctx.events.on(pattern, async ({ id, data: { ms } }) => {
          ctx.events.emit('${id}.heard', { of: id })
          await Bun.sleep(ms)
          ctx.events.emit('${id}.heard', { of: id })
          setTimeout(() => { throw new Error('too late') }, 0)
        })
    `)
  await using house = await startTestHouse({
    plugins: {
      asker: definition(`
        const router = ctx.router()
        router.post('/ask', (c) => {
          for (const ms of [12, 8, 4, 0]) ctx.events.emit('asked.' + (ms % 3), { ms })
          return c.body(null, 204)
        })
        return router
      `),
      left: hearing('left'),
      right: hearing('right'),
    },
  })
  await house.request('/api/plugins/asker/ask', { method: 'POST' })
  const mistakes = () => house.logs.filter(({ message }) => message.includes('too late'))
  while (mistakes().length < 16) await Bun.sleep(2)

  const asked = house.events.filter(({ type }) => type.startsWith('asked.'))
  expect(asked.map(({ causationid }) => causationid)).toEqual([undefined, undefined, undefined, undefined])
  const heard = house.events.filter(({ type }) => type.endsWith('.heard'))
  expect(heard).toHaveLength(32)
  for (const { causationid, data } of heard) expect(causationid).toBe((data as { of: string }).of)
  expect(mistakes().filter(({ plugin }) => plugin === 'left')).toHaveLength(8)
  expect(mistakes().filter(({ plugin }) => plugin === 'right')).toHaveLength(8)
})
