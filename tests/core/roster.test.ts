// Who is there, for what comes and goes with every request.

import { expect, test } from 'bun:test'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { Roster } from '../../core/roster.ts'

test('it knows, after any coming and going, just those who came and did not leave', () => {
  const step = fc.record({ comes: fc.boolean(), who: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const people = Array.from({ length: 10 }, (_, number) => ({ number }))
      const roster = new Roster<{ number: number }>()
      const model = new Set<{ number: number }>()
      for (const { comes, who } of steps) {
        const person = people[who]!
        if (!comes) expect(roster.delete(person)).toBe(model.delete(person))
        else if (!model.has(person)) {
          roster.add(person)
          model.add(person)
        }
        expect(roster.size).toBe(model.size)
        expect(new Set(roster)).toEqual(model)
      }
    }),
  )
})

test('nobody is left out when members leave while it is gone through', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.nat(19), fc.nat(19))),
      (size, leaving) => {
        const people = Array.from({ length: size }, (_, number) => ({ number }))
        const roster = new Roster<{ number: number }>()
        for (const person of people) roster.add(person)
        const met = new Set<number>()
        const gone = new Set<number>()
        for (const { number } of roster) {
          met.add(number)
          for (const [when, who] of leaving) {
            if (when !== number || who >= size) continue
            roster.delete(people[who]!)
            gone.add(who)
          }
        }
        for (const { number } of people) if (!gone.has(number)) expect(met).toContain(number)
      },
    ),
  )
})

test('what has left is let go of by small collections, and no large one is called for', () => {
  // A `Set` in its place keeps all of it until a full collection, and so brings one about every other time.
  const script = `
    import { Roster } from './core/roster.ts'
    const roster = new Roster()
    const inside = []
    const come = () => {
      const member = { a: { x: 1 }, b: [1, 2, 3, 4], c: 'x' + Math.random() }
      roster.add(member)
      inside.push(member)
    }
    for (let count = 0; count < 32; count++) come()
    for (let count = 0; count < 2_000_000; count++) {
      come()
      roster.delete(inside.shift())
    }`
  const { stdout, stderr } = Bun.spawnSync([process.execPath, '-e', script], {
    cwd: join(import.meta.dir, '../..'),
    env: { ...process.env, BUN_JSC_logGC: '1' },
  })
  const log = stdout.toString() + stderr.toString()
  const small = log.match(/EdenCollection/g)?.length ?? 0
  const full = log.match(/FullCollection/g)?.length ?? 0
  expect(small).toBeGreaterThan(10)
  expect(full).toBeLessThan(small / 5)
})

test('who is on one roster is neither taken by another nor from it', () => {
  const member = {}
  const one = new Roster<object>()
  const other = new Roster<object>()
  one.add(member)
  other.add({})
  expect(() => other.add(member)).toThrow('on a roster already')
  expect(other.delete(member)).toBe(false)
  expect([one.size, other.size, one.delete(member)]).toEqual([1, 1, true])
})
