// The language of patterns, held against a plain reading of its rule.

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { Problem, type EventFor, type Matches, type CloudEvent } from '@home-console/sdk'
import { assertPattern, covers, isEventType, matches } from '../../core/bus/pattern.ts'

const word = fc.stringMatching(/^[a-c_-]{1,2}$/)
const type = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .filter(([words, open]) => words.length > 0 || open)
  .map(([words, open]) => [...words, ...(open ? ['**'] : [])].join('.'))

/** The rule, word for word: `*` is one word, a closing `**` any number, none included. */
function plainly(wanted: string[], words: string[]): boolean {
  const [head, ...rest] = wanted
  if (head === undefined) return words.length === 0
  if (head === '**') return true
  return words.length > 0 && (head === '*' || head === words[0]) && plainly(rest, words.slice(1))
}

test('matching is what the rule says', () => {
  fc.assert(
    fc.property(pattern, type, (p, t) => matches(p, t) === plainly(p.split('.'), t.split('.'))),
    { numRuns: 5_000 },
  )
})

test('every pattern and type that fits its form is taken, and nothing else', () => {
  fc.assert(fc.property(pattern, (p) => (assertPattern(p), true)))
  fc.assert(fc.property(type, isEventType))
  for (const bad of [
    '',
    'a..b',
    '**.a',
    'a*',
    '*a.b',
    'a.***',
    'A',
    'a b',
    '.',
    'a.',
    'a'.repeat(300),
    null,
    7,
  ]) {
    expect(() => assertPattern(bad)).toThrow(Problem)
  }
})

test('a pattern is covered exactly when everything that it matches is', () => {
  const few = fc.constantFrom('a', 'b')
  const small = fc
    .tuple(fc.array(fc.oneof(few, fc.constant('*')), { maxLength: 3 }), fc.boolean())
    .filter(([words, open]) => words.length > 0 || open)
    .map(([words, open]) => [...words, ...(open ? ['**'] : [])].join('.'))
  // `c` stands for every word that nobody names, and what is longer than five words is like what has five.
  const types: string[] = []
  for (let last = ['']; types.length < 363;) {
    last = last.flatMap((head) => ['a', 'b', 'c'].map((word) => (head === '' ? word : `${head}.${word}`)))
    types.push(...last)
  }
  let covered = 0
  fc.assert(
    fc.property(fc.array(small, { maxLength: 4 }), small, (wider, asked) => {
      const all = types
        .filter((type) => matches(asked, type))
        .every((type) => wider.some((other) => matches(other, type)))
      if (all) covered++
      return covers(wider, asked) === all
    }),
    { numRuns: 3_000 },
  )
  expect(covered).toBeGreaterThan(100)
})

test('what is covered in parts is covered', () => {
  expect(covers(['*', '*.*.**'], '**')).toBe(true)
  expect(covers(['*.**'], '**')).toBe(true)
  expect(covers(['client', 'client.*.**'], 'client.**')).toBe(true)
  expect(covers(['client.*'], 'client.**')).toBe(false)
  expect(covers(['client.x', 'client.xx'], 'client.*')).toBe(false)
  expect(covers([], '**')).toBe(false)
})

test('a hostile pattern costs no more than its length', () => {
  const hostile = `${'*.'.repeat(60)}a`
  const long = `${'a.'.repeat(60)}b`
  const started = performance.now()
  for (let i = 0; i < 1_000; i++) matches(hostile, long)
  // An exponential matcher would take ages: this is a bound on kind, not on speed.
  expect(performance.now() - started).toBeLessThan(5_000)
})

test('types know what patterns match', () => {
  const yes: [
    Matches<'a.b', 'a.*'>,
    Matches<'a', 'a.**'>,
    Matches<'a.b.c', 'a.**'>,
    Matches<'a', '*'>,
    Matches<'x.y', '**'>,
  ] = [true, true, true, true, true]
  const no: [Matches<'a.b.c', 'a.*'>, Matches<'b', 'a'>, Matches<'a', 'a.*'>] = [false, false, false]
  const data = (event: EventFor<'plugin.*'>): string => event.data.plugin
  // @ts-expect-error an event of the Core's own has no such member
  const wrong = (event: EventFor<'core.started'>) => event.data.nothing
  const anything = (event: EventFor<'lamp.switched'>): CloudEvent => event
  // The assertions are the types above; that this file compiles is the test.
  expect([yes.every(Boolean), no.some(Boolean)]).toEqual([true, false])
  expect([data, wrong, anything]).toHaveLength(3)
})
