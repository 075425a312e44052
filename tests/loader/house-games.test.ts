// Five plugins that need each other, and everything that can happen to them in any order: in the end the house is what the
// files and the wishes say, nobody hangs, no exclusive one ever met itself, and nothing is left of what was.

import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as fc from 'fast-check'
import type { TestHouse } from '@home-console/sdk/testing'
import { until } from '../until.ts'
import { expectUntouchedBystander, houseWith } from './bystander.ts'

const RUNS = Number(process.env['GAMES'] ?? 8)

/** Generations that are still in memory. */
let inMemory = 0
const registry = new FinalizationRegistry<null>(() => void inMemory--)
/** Exclusive versions that are alive, by id; and where two of them met. */
const holders = new Map<string, number>()
const meetings: string[] = []
Object.assign(globalThis, {
  games: {
    mark(marker: object) {
      inMemory++
      registry.register(marker, null)
    },
    take(id: string, who: string) {
      const now = (holders.get(id) ?? 0) + 1
      holders.set(id, now)
      if (now > 1) meetings.push(who)
    },
    give: (id: string) => void holders.set(id, holders.get(id)! - 1),
  },
})

const IDS = ['ant', 'bee', 'cat', 'dog', 'elk'] as const
const FLAWS = ['none', 'late throw', 'throws', 'hangs', 'no syntax', 'no plugin', 'needs the moon'] as const

interface Version {
  needs: readonly number[]
  exclusive: boolean
  shares: boolean
  flaw: (typeof FLAWS)[number]
  slow: number
}

const version: fc.Arbitrary<Version> = fc.record({
  needs: fc.uniqueArray(fc.nat(IDS.length - 1), { maxLength: 2 }),
  exclusive: fc.boolean(),
  shares: fc.boolean(),
  flaw: fc.oneof({ weight: 5, arbitrary: fc.constant('none' as const) }, fc.constantFrom(...FLAWS)),
  slow: fc.constantFrom(0, 0, 0, 5, 30),
})

const step = fc.record({
  who: fc.nat(IDS.length - 1),
  wait: fc.constantFrom(0, 0, 1, 5, 20, 60, 120),
  do: fc.oneof(
    { weight: 8, arbitrary: fc.record({ save: version, whole: fc.boolean() }) },
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        ...(['shared', 'delete', 'move', 'disable', 'enable', 'reload'] as const),
        ...(['force', 'rollback', 'dryRun', 'return'] as const),
      ),
    },
  ),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** The last word: good versions, of which each needs only those before it. */
const ending = fc.tuple(
  ...IDS.map((_, index) =>
    fc.record({
      needs: fc.uniqueArray(fc.nat(Math.max(0, index - 1)), { maxLength: index === 0 ? 0 : 2 }),
      exclusive: fc.boolean(),
      shares: fc.boolean(),
      enabled: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
    }),
  ),
)

function textOf(id: string, at: number, all: readonly string[], version: Version): string {
  const { needs, exclusive, shares, flaw, slow } = version
  if (flaw === 'no syntax') return '}'
  if (flaw === 'no plugin') return `export default ${at}`
  const services = needs.flatMap((index) => (all[index] === id ? [] : `'${all[index]}'`))
  if (flaw === 'needs the moon') services.push(`'moon'`)
  return `
    ${shares ? `import { word } from '../_shared/word.ts'` : `const word = ''`}
    const onlyHere = Array.from({ length: 1_000 }, (_, at) => 'line ' + at)
    ${flaw === 'throws' ? `throw new Error('no')` : ''}
    export default {
      exclusive: ${exclusive}, provides: ['${id}'], requires: [${services.join()}], loadTimeout: 250,
      handover: () => ${at},
      async onLoad(ctx) {
        ${exclusive ? `globalThis.games.take('${id}', '${id} ${at}'); ctx.defer(async () => { await Bun.sleep(${slow}); globalThis.games.give('${id}') })` : ''}
        globalThis.games.mark(onlyHere)
        ctx.events.on('roll.call', () => ctx.events.emit('roll.present', '${id} ${at}'))
        ctx.task('watch', (signal) => new Promise((done) => signal.addEventListener('abort', () => done(onlyHere))))
        ctx.services.provide('${id}', { word: () => '${id} ${at} ' + word + onlyHere.length })
        ${services.map((name) => `await Promise.race([ctx.services.use(${name}).word().catch(() => 'gone'), Bun.sleep(20)])`).join('\n')}
        await Bun.sleep(${slow})
        ${flaw === 'hangs' ? 'await new Promise(() => {})' : ''}
        ${flaw === 'late throw' ? `throw new Error('late')` : ''}
        const router = ctx.router({ security: [] })
        router.get('/word', async (c) => { await Bun.sleep(${slow}); return c.text('${at}') })
        return router
      },
    }`
}

let round = 0

async function play(house: TestHouse, steps: readonly Step[], last: readonly any[]): Promise<void> {
  const { loader, bus } = house.runtime
  const all = IDS.map((id) => `${id}-${++round}`)
  const moved = new Map<string, boolean>()
  const gone = new Map<string, string>()
  const subscribers = bus.subscriptionCount
  let at = 0
  const folderOf = (id: string) => (moved.get(id) === true ? `${id}-elsewhere` : id)
  const put = (id: string, text: string, whole: boolean) => {
    const folder = folderOf(id)
    house.write(`${folder}/package.json`, JSON.stringify({ homeConsole: { id } }))
    if (whole) return house.write(`${folder}/index.ts`, text)
    mkdirSync(dirname(house.path(`${folder}/index.ts`)), { recursive: true })
    writeFileSync(house.path(`${folder}/index.ts`), text)
  }
  const share = () => house.write('_shared/word.ts', `export const word = '${++at} '`)
  const calls: Promise<unknown>[] = []
  const statuses = new Set<number>()
  const ask = (method: string, path: string, body?: unknown) => {
    const asked = (async () => {
      const { status } = await house.request(path, {
        method,
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { 'Content-Type': 'application/json' },
        }),
      })
      statuses.add(status)
    })()
    calls.push(asked)
    return asked
  }
  const core = (id: string, rest = '') => `/api/core/plugins/${id}${rest}`

  share()
  for (const id of all) {
    put(id, textOf(id, ++at, all, { needs: [], exclusive: false, shares: true, flaw: 'none', slow: 0 }), true)
  }
  for (const { who, wait, do: what } of steps) {
    const id = all[who]!
    if (typeof what === 'object') put(id, textOf(id, ++at, all, what.save), what.whole)
    else if (what === 'shared') share()
    else if (what === 'delete') {
      try {
        renameSync(house.path(folderOf(id)), house.path(`.${id}-gone`))
        gone.set(id, house.path(`.${id}-gone`))
      } catch {}
    } else if (what === 'return') {
      const from = gone.get(id)
      gone.delete(id)
      if (from !== undefined) {
        rmSync(house.path(folderOf(id)), { recursive: true, force: true })
        renameSync(from, house.path(folderOf(id)))
      }
    } else if (what === 'move') {
      try {
        const from = house.path(folderOf(id))
        const to = house.path(moved.get(id) === true ? id : `${id}-elsewhere`)
        renameSync(from, to)
        moved.set(id, moved.get(id) !== true)
      } catch {}
    } else if (what === 'disable' || what === 'enable')
      void ask('PATCH', core(id), { enabled: what === 'enable' })
    else if (what === 'rollback') void ask('POST', core(id, '/rollback'))
    else void ask('POST', core(id, `/reload${what === 'reload' ? '' : `?${what}=true`}`))
    void ask('GET', `/api/plugins/${id}/word`)
    await Bun.sleep(wait)
  }
  for (const folder of gone.values()) rmSync(folder, { recursive: true, force: true })
  await Promise.race([
    Promise.all(calls),
    Bun.sleep(25_000).then(() => Promise.reject(new Error('Somebody waits for ever.'))),
  ])
  expect([...statuses].filter((status) => ![200, 404, 409, 422, 503].includes(status))).toEqual([])

  // The last word, and not of one change with what was shared before.
  await until('all to be decided', () => loader.units.every((unit) => !unit.isTrying), 10_000)
  await Bun.sleep(150)
  await until('all to be decided', () => loader.units.every((unit) => !unit.isTrying), 10_000)
  const words = new Map<string, number>()
  for (const [index, { needs, exclusive, shares }] of last.entries()) {
    const id = all[index]!
    words.set(id, ++at)
    put(id, textOf(id, at, all, { needs, exclusive, shares, flaw: 'none', slow: 0 }), index % 2 === 0)
  }
  await until('all to be known', () => all.every((id) => loader.view(id) !== undefined))
  for (const [index, { enabled }] of last.entries())
    await until('the wish to be heard', async () => {
      const { status } = await house.send('PATCH', core(all[index]!), { enabled })
      return status === 200
    })

  const wrong = async (): Promise<string[]> => {
    const views = new Map(all.map((id) => [id, loader.view(id)]))
    const isUp = (index: number) => views.get(all[index]!)?.state === 'active'
    const others = (id: string) => [...views.values()].filter((view) => view?.id !== id)
    const isKept = (view: ReturnType<typeof loader.view>) =>
      view?.error?.code === 'needs_not_met' || view?.error?.code === 'held_back'
    const found: string[] = []
    for (const [index, { needs, enabled }] of last.entries()) {
      const id = all[index]!
      const view = views.get(id)
      const is = (states: string[], more = true) =>
        (view !== undefined && states.includes(view.state) && more) ||
        found.push(
          `${id} is ${view?.state}, not ${states.join(' or ')}: ${JSON.stringify(view?.waitingFor)} ${JSON.stringify(view?.error)}`,
        )
      if (!enabled) is(['disabled'])
      else if (needs.every((need: number) => need === index || isUp(need))) {
        // What serves on as it was, since its own new version waits, may need this one in turn.
        if (isKept(view) && others(id).some(isKept)) continue
        is(['active'], view?.error === null)
        const response = await house.request(`/api/plugins/${id}/word`)
        const word = await response.text()
        if (word !== String(words.get(id))) found.push(`${id} answers ${word}, not ${words.get(id)}`)
      } else is(['waiting', 'active'], view?.state === 'waiting' || view?.error !== null)
      if (view !== undefined && view.state === 'waiting' && view.waitingFor.length === 0)
        found.push(`${id} waits for nothing`)
      const unit = loader.find(id)
      if (unit === undefined) found.push(`${id} is gone`)
      else if (unit.isBetween || unit.isTrying || unit.leaving.length > 0) found.push(`${id} is under way`)
    }
    return found
  }
  let found = ['?']
  await until(
    'the house to be what the files and the wishes say',
    async () => (found = await wrong()).length === 0,
    15_000,
  ).catch((error: Error) => {
    const records = all.flatMap((id) => loader.find(id)?.reloads.list(4) ?? [])
    const told = records.map(
      ({ plugin, generation, cause, outcome, error }) =>
        `${plugin} ${generation} ${cause.kind} ${outcome} ${error?.message ?? ''}`,
    )
    throw new Error([error.message, ...found, ...told].join('\n'))
  })
  expect(meetings).toEqual([])

  let up: string[] = []
  await until('one of each version that serves to hear an event', () => {
    const before = house.events.length
    bus.emit({ type: 'roll.call', source: '/clients/test' })
    up = all.filter((id) => loader.view(id)!.state === 'active')
    const present = house.events.slice(before).filter(({ type }) => type === 'roll.present')
    const here = present.map(({ source }) => source).sort()
    return Bun.deepEquals(here, up.map((id) => `/plugins/${id}`).sort())
  })
  for (const id of up) expect(await house.service(id).word()).toStartWith(`${id} `)

  for (const id of all) rmSync(house.path(folderOf(id)), { recursive: true, force: true })
  await until('all to be gone', () => all.every((id) => loader.view(id) === undefined), 15_000).catch(
    (error: Error) => {
      const left = loader.units.map(
        ({ place, id, state, offer, serving, isTrying, leaving }) =>
          `${place.path} ${id} ${state} ${offer !== null} ${serving?.number} ${isTrying} ${leaving.length} ${existsSync(place.path)}`,
      )
      throw new Error([error.message, ...left].join('\n'))
    },
  )
  expect(bus.subscriptionCount).toBe(subscribers)
  expect([...holders.values()].every((count) => count === 0)).toBe(true)
  for (const { name, provider } of house.runtime.services.list())
    if (all.includes(name)) expect(provider).toBeNull()
  const trees = `${house.folder}/data/versions/trees`
  await until('kept versions to be taken away', () => {
    try {
      return readdirSync(trees).length === 0
    } catch {
      return true
    }
  }).catch(() => {
    throw new Error(`Left behind: ${readdirSync(trees).join(', ')}`)
  })
}

test('whatever happens in whatever order, the house comes to what the files and the wishes say', async () => {
  await using house = await houseWith({})
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), ending, (steps, last) =>
      play(house, steps, last),
    ),
    {
      ...(process.env['SEED'] && { seed: Number(process.env['SEED']) }),
      numRuns: RUNS,
      interruptAfterTimeLimit: RUNS * 8_000,
      endOnFailure: true,
    },
  )
  await expectUntouchedBystander(house)
  await until(
    'what was loaded to be collected',
    async () => {
      Bun.gc(true)
      await Bun.sleep(10)
      return inMemory <= 3
    },
    10_000,
  ).catch((error: Error) => {
    throw new Error(`${error.message} ${inMemory} are left.`)
  })
}, 600_000)
