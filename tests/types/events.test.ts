// What the types know of events: a contract is written once, and every plugin that imports its types is told of mistakes.

import { expect, test } from 'bun:test'
import { complaintsAbout, pluginOf } from './type-checker.ts'

const lampContract = `import { type EventsOf, z } from '@home-console/sdk'
export const events = {
  'lamp.changed': z.object({ on: z.boolean() }),
  'lamp.bulb.broken': z.object({ hours: z.number() }),
}
declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
}
`
const weatherContract = `import type { EventsOf } from '@home-console/sdk'
import * as v from 'valibot'
export const events = { 'weather.updated': v.object({ temperature: v.number(), station: v.optional(v.string()) }) }
declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
}
`
const contracts = { 'lamp/contract.ts': lampContract, 'weather/contract.ts': weatherContract }
const imports = "import type {} from './lamp/contract.ts'; import type {} from './weather/contract.ts'"
const listener = (body: string) => ({ ...contracts, 'alarm.ts': pluginOf(body, { head: imports }) })

test('contracts of several plugins merge, and their data is known by type and by pattern', () => {
  const files = listener(`
    ctx.events.on('lamp.changed', ({ data, type }) => { const on: boolean = data.on; const t: 'lamp.changed' = type })
    ctx.events.on('weather.updated', ({ data }) => { const degrees: number = data.temperature })
    ctx.events.on('weather.*', ({ data }) => { const station: string | undefined = data.station })
    ctx.events.on('core.started', ({ data }) => { const version: string = data.version })
    ctx.events.on('plugin.*', ({ data }) => { const leaks: number = data.reload.leaks.length })`)
  expect(complaintsAbout(files)).toEqual([])
})

test('data is taken for nothing else than what the contract says', () => {
  const files = listener(`
    ctx.events.on('lamp.changed', ({ data }) => { const on: string = data.on })
    ctx.events.on('weather.*', ({ data }) => { data.humidity })
    ctx.events.on('weather.updated', ({ data }) => { const station: string = data.station })
    ctx.events.on('lamp.changed', (event) => { event.data = { on: true } })`)
  expect(complaintsAbout(files)).toEqual([
    "alarm.ts:4 TS2322 Type 'boolean' is not assignable to type 'string'.",
    expect.stringMatching(/^alarm\.ts:5 TS2339 Property 'humidity' does not exist/),
    "alarm.ts:6 TS2322 Type 'string | undefined' is not assignable to type 'string'.",
    "alarm.ts:7 TS2540 Cannot assign to 'data' because it is a read-only property.",
  ])
})

test('a pattern that several events match gives one of them, to be told apart by its type', () => {
  const files = listener(`
    ctx.events.on('lamp.**', (event) => {
      if (event.type === 'lamp.changed') { const on: boolean = event.data.on }
      else { const hours: number = event.data.hours }
    })
    ctx.events.on('**', (event) => { if (event.type === 'weather.updated') event.data.temperature.toFixed() })
    ctx.events.on('lamp.**', ({ data }) => { data.on })
    ctx.events.on('lamp.*', ({ data }) => { data.on; data.hours })`)
  expect(complaintsAbout(files)).toEqual([
    expect.stringMatching(/^alarm\.ts:9 TS2339 Property 'on' does not exist on type .*hours/),
    expect.stringMatching(/^alarm\.ts:10 TS2339 Property 'hours' does not exist/),
  ])
})

test('one of several patterns gives what matches any of them', () => {
  const files = listener(`
    const pattern = Math.random() > 0.5 ? 'lamp.changed' : 'weather.*'
    ctx.events.on(pattern, (event) => {
      if (event.type === 'lamp.changed') { const on: boolean = event.data.on }
      else { const degrees: number = event.data.temperature }
    })`)
  expect(complaintsAbout(files)).toEqual([])
})

test('the data of an event that no contract tells of must be looked at before it is used', () => {
  const files = listener(`
    ctx.events.on('door.opened', ({ data }) => { data.by })
    ctx.events.on('door.*' as string, ({ data }) => { data.by })
    ctx.events.on('door.opened', ({ data }) => { if (typeof data === 'string') data.trim() })`)
  expect(complaintsAbout(files)).toEqual([
    "alarm.ts:4 TS18046 'data' is of type 'unknown'.",
    "alarm.ts:5 TS18046 'data' is of type 'unknown'.",
  ])
})

test('a plugin without the import knows nothing of the contract', () => {
  const without = pluginOf(`ctx.events.on('lamp.changed', ({ data }) => { data.on })`)
  expect(complaintsAbout({ 'alarm.ts': without })).toEqual([
    "alarm.ts:3 TS18046 'data' is of type 'unknown'.",
  ])
})

test('a plugin emits what it declared, with data that fits, and nothing else', () => {
  const lamp = pluginOf(
    `
    ctx.events.emit('lamp.changed', { on: true })
    ctx.events.emit('lamp.changed', { on: false }, { subject: 'hall' })
    ctx.events.emit('lamp.changed', { on: 'yes' })
    ctx.events.emit('lamp.changed', {})
    ctx.events.emit('lamp.chnaged', { on: true })
    ctx.events.emit('lamp.changed')`,
    { head: "import { events } from './contract.ts'", members: 'events,' },
  )
  expect(complaintsAbout({ ...contracts, 'lamp/index.ts': lamp })).toEqual([
    "lamp/index.ts:6 TS2322 Type 'string' is not assignable to type 'boolean'.",
    "lamp/index.ts:7 TS2741 Property 'on' is missing in type '{}' but required in type '{ on: boolean; }'.",
    expect.stringMatching(/^lamp\/index\.ts:8 TS2345 .*"lamp\.chnaged"/),
    'lamp/index.ts:9 TS2554 Expected 2-3 arguments, but got 1.',
  ])
})

test('a plugin that declares nothing may emit any event, and a known one with its own data only', () => {
  const files = listener(`
    ctx.events.emit('door.opened', { by: 'Ada' })
    ctx.events.emit('lamp.changed', { on: true })
    ctx.events.emit('lamp.changed', { on: 1 })`)
  expect(complaintsAbout(files)).toEqual([
    "alarm.ts:6 TS2322 Type 'number' is not assignable to type 'boolean'.",
  ])
})

test('what a schema makes up or turns into something else is not in the event: it goes out as it came in', () => {
  const contract = `import { type EventsOf, z } from '@home-console/sdk'
export const events = { 'lamp.changed': z.object({ level: z.number().default(1), at: z.string().transform((s) => new Date(s)) }) }
declare module '@home-console/sdk' { interface Events extends EventsOf<typeof events> {} }
`
  const alarm = pluginOf(
    `ctx.events.on('lamp.changed', ({ data }) => {
      const at: string = data.at
      const level: number = data.level
    })`,
    { head: "import type {} from './lamp/contract.ts'" },
  )
  expect(complaintsAbout({ 'lamp/contract.ts': contract, 'alarm.ts': alarm })).toEqual([
    "alarm.ts:5 TS2322 Type 'number | undefined' is not assignable to type 'number'.",
  ])
})

test('a contract may also spell its events out', () => {
  const contract = `declare module '@home-console/sdk' {
  interface Events { 'door.opened': { by: string } }
}
export {}
`
  const alarm = pluginOf(`ctx.events.on('door.*', ({ data }) => { const by: number = data.by })`, {
    head: "import type {} from './door/contract.ts'",
  })
  expect(complaintsAbout({ 'door/contract.ts': contract, 'alarm.ts': alarm })).toEqual([
    "alarm.ts:3 TS2322 Type 'string' is not assignable to type 'number'.",
  ])
})

test('two contracts that say different things of one event are both shown to whoever imports them', () => {
  const other = lampContract.replace('z.boolean()', 'z.string()').replace(/ {2}'lamp\.bulb.*\n/, '')
  const both = `import type {} from './lamp/contract.ts'; import type {} from './other/contract.ts'\n`
  const complaints = complaintsAbout({
    'lamp/contract.ts': lampContract,
    'other/contract.ts': other,
    'a.ts': both,
  })
  expect(complaints.every((complaint) => complaint.includes('cannot simultaneously extend'))).toBe(true)
  expect(complaints.length).toBeGreaterThan(0)
})
