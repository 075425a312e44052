// The difference between two versions: what comes, what goes, and nothing that stays.

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { changesBetween, NO_FACE, type Face } from '../../core/loader/generation/changes.ts'

const words = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', '__proto__'))
const face: fc.Arbitrary<Face> = fc.record({
  routes: fc.uniqueArray(
    fc.record({ method: fc.constantFrom('GET', 'POST'), path: fc.constantFrom('/', '/a') }),
    { selector: ({ method, path }) => method + path },
  ),
  events: words,
  services: fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', '__proto__'), methods: words }), {
    selector: ({ name }) => name,
  }),
  scopes: words,
})

/** Everything that a face has, one line each. */
const linesOf = ({ routes, events, services, scopes }: Face) =>
  new Set([
    ...routes.map(({ method, path }) => `route ${method} ${path}`),
    ...events.map((event) => `event ${event}`),
    ...services.flatMap(({ name, methods }) => [
      `service ${name}`,
      ...methods.map((method) => `${name}.${method}`),
    ]),
    ...scopes.map((scope) => `scope ${scope}`),
  ])

test('the first version with what comes and without what goes is the second', () => {
  fc.assert(
    fc.property(face, face, (before, after) => {
      const { routes, events, services, scopes } = changesBetween(before, after)
      const added = {
        routes: routes.added,
        events: events.added,
        services: services.added,
        scopes: scopes.added,
      }
      const removed = linesOf({
        routes: routes.removed,
        events: events.removed,
        services: services.removed,
        scopes: scopes.removed,
      })
      // A service that only lost methods is still there.
      for (const { name } of after.services) removed.delete(`service ${name}`)
      const second = [...linesOf(before)].filter((line) => !removed.has(line))
      expect(new Set([...second, ...linesOf(added)])).toEqual(linesOf(after))
      for (const line of removed) expect(linesOf(after)).not.toContain(line)
    }),
  )
})

test('nothing changes between a version and itself, and everything comes with the first', () => {
  const [one] = fc.sample(face, 1)
  expect(changesBetween(one!, one!)).toEqual(changesBetween(NO_FACE, NO_FACE))
  expect(changesBetween(NO_FACE, one!).services.added).toEqual(
    one!.services.map((service) => ({ ...service })) as never,
  )
})
