// What the loader asks of the registry: to hold calls, and who would miss a method.

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { coreProblem } from '../../core/http/answers/problems.ts'
import { lostMethods } from '../../core/services/lost-methods.ts'
import type { Provider, User } from '../../core/services/parties.ts'
import { ServiceRegistry } from '../../core/services/service-registry.ts'
import { ask, failureOf, houseOf, provider, user } from './kit.ts'

const registryOf = () => new ServiceRegistry({ leave: (run) => run(), problem: coreProblem })

/** A party without a border: what is tested here is the registry by itself. */
function party(id: string, number = 1): Provider & User {
  return {
    id,
    number,
    ended: false,
    signal: new AbortController().signal,
    files: new Set(),
    requires: [],
    isStaged: false,
    mayGo: new Set(),
    open() {},
    closeStream() {},
    enter: (run) => run(),
    ask(_work, run, onAnswer, onError) {
      try {
        const answer = run()
        return answer instanceof Promise ? answer.then(onAnswer, onError) : onAnswer(answer)
      } catch (error) {
        return onError(error)
      }
    },
    begin() {},
    end() {},
    charge() {},
  }
}

test('calls of a held service wait, in order and so many at most, and go to whoever provides it then', async () => {
  await using house = await houseOf({ lamp: provider(`version: () => 1`) })
  const { services } = house.runtime
  const lamp = house.service('lamp')
  const [release, other] = [services.hold(['lamp', 'absent']), services.hold(['lamp'])]
  const waiting = Array.from({ length: 1_000 }, () => lamp.version())

  expect((await failureOf(lamp.version())).code).toBe('service_unavailable')
  await house.save('lamp/index.ts', provider(`version: () => 2`))
  release()
  release()
  expect(await Promise.race([waiting[0], Bun.sleep(5).then(() => 'waits')])).toBe('waits')
  other()

  expect(new Set(await Promise.all(waiting))).toEqual(new Set([2]))
  expect((await failureOf(house.service('absent').x())).code).toBe('service_unavailable')
})

test('a method that was lost is missed by those who called it, or name it in their files, and by nobody else', async () => {
  await using house = await houseOf({
    lamp: provider(
      `on: () => 1, off: () => 1, dim: () => 1, blink: () => 1`,
      'lamp',
      `ctx.services.use('lamp').off`,
    ),
    caller: user({ on: `return lamp.on()` }),
    writer: user({ dim: `return lamp?.dim (5)`, never: `return lamp.dimmer + lamp.onward` }),
    stranger: `export default { onLoad(ctx) { ctx.events.on('x', () => { const lamp = { on() {} }; lamp.on() }) } }`,
  })
  await ask(house, 'caller/on')
  const { services } = house.runtime
  const old = house.runtime.loader.find('lamp')!.serving!
  const next = party('lamp', 2)
  const before = services.offeredBy(old)
  const provision = services.provision('lamp', { on: () => 2, blink: () => 2 }, next)

  const lost = (after = services.offeredBy(next)) => lostMethods(services, 'lamp', before, after)
  expect(lost()).toEqual([{ service: 'lamp', method: 'dim', user: 'writer' }])
  provision.release()
  const all = [
    { service: 'lamp', method: 'on', user: 'caller' },
    { service: 'lamp', method: 'dim', user: 'writer' },
  ]
  expect(lost([])).toEqual(all)
  expect(lost()).toEqual(all)
})

test('whatever plugins stage, commit and drop, one serves a name, and a call finds the newest of it', async () => {
  const command = fc.record({
    plugin: fc.constantFrom('one', 'two'),
    what: fc.constantFrom('stage', 'commit', 'discard', 'unload'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
      const registry = registryOf()
      const call = (registry.use('lamp', party('user')).handle as any).who as () => Promise<string>
      const staged = new Map<string, ReturnType<ServiceRegistry['provision']>>()
      let serving: {
        plugin: string
        label: string
        provision: ReturnType<ServiceRegistry['provision']>
      } | null = null
      let number = 0
      for (const { plugin, what } of commands) {
        const claimed = [...staged.keys(), ...(serving === null ? [] : [serving.plugin])]
        if (what === 'stage' && !staged.has(plugin)) {
          const label = `${plugin} ${++number}`
          const stage = () => registry.provision('lamp', { who: () => label }, party(plugin, number))
          if (claimed.some((other) => other !== plugin)) expect(stage).toThrow('provided by the plugin')
          else staged.set(plugin, stage())
        } else if (what === 'commit' && staged.has(plugin)) {
          const provision = staged.get(plugin)!
          serving?.provision.fallSilent()
          provision.goLive()
          staged.delete(plugin)
          serving = { plugin, label: `${plugin} ${provision.provider.number}`, provision }
        } else if (what === 'discard') {
          staged.get(plugin)?.release()
          staged.delete(plugin)
        } else if (what === 'unload' && serving?.plugin === plugin) {
          serving.provision.fallSilent()
          serving.provision.release()
          serving = null
        }
        const found = await call().catch((error: { code: string }) => error.code)
        expect(found).toBe(serving?.label ?? 'service_unavailable')
      }
    }),
    { numRuns: 300 },
  )
})
