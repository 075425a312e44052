// Merge patches, names in the environment, and what a JSON Schema says of a place: checked against models.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { fromEnvironment, keyOf, variableOf, wordOf } from '../../core/settings/environment.ts'
import { harmIn, valueAt, withValueAt, type Json } from '../../core/settings/json.ts'
import { mergePatch } from '../../core/settings/merge-patch.ts'
import { Shape } from '../../core/settings/shape.ts'

describe('a merge patch', () => {
  /** Section 2 of RFC 7396, as it stands there. */
  function reference(target: any, patch: any): any {
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
    if (typeof target !== 'object' || target === null || Array.isArray(target)) target = {}
    for (const name of Object.keys(patch)) {
      if (patch[name] === null) delete target[name]
      else target[name] = reference(target[name], patch[name])
    }
    return target
  }
  // Names that plain objects inherit would be found by the reference where there are none.
  const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('__proto__'))
  const words = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Json>(null, 0, 'x', []),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
    ),
  })).value

  test('does what the reference does', () => {
    fc.assert(
      fc.property(fc.oneof(json as fc.Arbitrary<Json>, words), words, (target, patch) => {
        const before = structuredClone(target)
        expect(mergePatch(target, patch)).toEqual(reference(structuredClone(target), patch))
        expect(target).toEqual(before)
      }),
      { numRuns: 2_000 },
    )
  })

  test('does not reach the prototype of anything', () => {
    const patch = JSON.parse(
      '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
    )
    const merged = mergePatch({}, patch) as object
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(harmIn(patch)).toMatchObject({ path: ['__proto__'] })
  })
})

test('a value is put where it is found', () => {
  const key = fc.constantFrom('a', 'b', 'toString', '__proto__')
  const value = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom<Json>(1, { a: 2 }, [1]), {
    noNullPrototype: true,
  })
  fc.assert(
    fc.property(value, fc.array(key, { minLength: 1, maxLength: 3 }), (before, path) => {
      if (Array.isArray(valueAt(before, path.slice(0, 1)))) return
      expect(valueAt(withValueAt(before, path, 'new'), path)).toBe('new')
      expect(valueAt(withValueAt(before, path, undefined), path)).toBeUndefined()
    }),
  )
})

describe('a variable', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'home-console-'))
    writeFileSync(join(folder, 'token'), 'from a file\n')
    writeFileSync(join(folder, 'large'), 'x'.repeat(70_000))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const string = { type: 'string' }
  const shape = Shape.of({
    type: 'object',
    properties: {
      token: string,
      tokenFile: string,
      password: string,
      pollSeconds: { type: 'integer' },
      apiURL: string,
      snake_case: { type: 'boolean' },
      nullable: { anyOf: [string, { type: 'null' }] },
      either: { type: ['string', 'number'] },
      mode: { enum: ['on', 'off'] },
      rooms: { type: 'array', items: string },
      broker: { $ref: '#/definitions/broker' },
      open: { type: 'object', additionalProperties: { type: 'number' } },
    },
    definitions: { broker: { type: 'object', properties: { host: string, keepAlive: { type: 'number' } } } },
  })
  const read = (environment: Record<string, string>, id = 'lamp') => fromEnvironment(id, environment, shape)
  const one = (name: string, text: string) => {
    const { fixed, faults, unknown } = read({ [`PLUGIN_LAMP__${name}`]: text })
    return fixed[0] === undefined
      ? (faults[0]?.message ?? `unknown ${unknown.length}`)
      : [fixed[0].path.join('/'), fixed[0].value]
  }

  test.each<[string, string, unknown]>([
    ['TOKEN', '123', ['token', '123']],
    ['POLL_SECONDS', '30', ['pollSeconds', 30]],
    ['API_URL', 'http://x', ['apiURL', 'http://x']],
    ['SNAKE_CASE', 'true', ['snake_case', true]],
    ['NULLABLE', 'null', ['nullable', null]],
    ['NULLABLE', '123', ['nullable', '123']],
    ['EITHER', '123', ['either', 123]],
    ['EITHER', 'x', ['either', 'x']],
    ['MODE', 'on', ['mode', 'on']],
    ['ROOMS', '["hall"]', ['rooms', ['hall']]],
    ['BROKER__KEEP_ALIVE', '5', ['broker/keepAlive', 5]],
    ['BROKER', '{"host": "x"}', ['broker', { host: 'x' }]],
    ['OPEN__LIVING_ROOM', '2', ['open/livingRoom', 2]],
    ['TOKEN_FILE', 'a name', ['tokenFile', 'a name']],
    ['NOBODY', '1', 'unknown 1'],
    ['BROKER__PORT', '1', 'unknown 1'],
    ['TOKEN__', '1', 'unknown 1'],
    ['lower', '1', 'unknown 1'],
    ['POLL_SECONDS', 'often', 'It is no JSON, and the setting is no text. It takes number.'],
    ['ROOMS', '[{"__proto__": 1}]', '"__proto__" is no name for a setting.'],
  ])('%s=%s', (name, text, found) => {
    expect(one(name, text)).toEqual(found as never)
  })

  test('…_FILE reads a file, and its last line need not end', () => {
    expect(one('PASSWORD_FILE', join(folder, 'token'))).toEqual(['password', 'from a file'])
    expect(one('PASSWORD_FILE', join(folder, 'nothing'))).toContain('ENOENT')
    expect(one('PASSWORD_FILE', join(folder, 'large'))).toContain('is larger than')
  })

  test('two that set the same are refused, be it that one sets a part of it', () => {
    const { faults } = read({ PLUGIN_LAMP__BROKER: '{}', PLUGIN_LAMP__BROKER__HOST: 'x' })
    expect(faults).toEqual([
      { variable: 'PLUGIN_LAMP__BROKER__HOST', message: 'PLUGIN_LAMP__BROKER sets /broker already.' },
    ])
  })

  test('belongs to the plugin whose id it begins with, "-" being "_", and to no other', () => {
    const environment = { PLUGIN_MY_LAMP__TOKEN: 'mine', PLUGIN_MY__TOKEN: 'other', PLUGIN_MY___TOKEN: 'odd' }
    expect(read(environment, 'my-lamp').fixed.map(({ value }) => value)).toEqual(['mine'])
    expect(read(environment, 'my').fixed.map(({ value }) => value)).toEqual(['other'])
    expect(read(environment, 'my-').fixed.map(({ value }) => value)).toEqual(['odd'])
  })

  test('of any camel case name leads back to it', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{1,6}$/)
    const key = fc
      .array(word, { minLength: 1, maxLength: 3 })
      .map(([first, ...rest]) => first! + rest.map((one) => one[0]!.toUpperCase() + one.slice(1)).join(''))
    const path = fc.array(key, { minLength: 1, maxLength: 3 })
    const id = fc.stringMatching(/^[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){0,2}$/)
    fc.assert(
      fc.property(id, path, (plugin, keys) => {
        for (const one of keys) expect(keyOf(wordOf(one))).toBe(one)
        const schema = keys.reduceRight<object>(
          (under, one) => ({ type: 'object', properties: { [one]: under } }),
          string,
        )
        const variable = variableOf(plugin, keys)
        expect(variable).toMatch(/^PLUGIN_[A-Z0-9_]+$/)
        const { fixed } = fromEnvironment(plugin, { [variable]: 'x' }, Shape.of(schema as never))
        expect(fixed).toEqual([{ variable, path: keys, value: 'x' }])
      }),
      { numRuns: 1_000 },
    )
  })
})

test('secrets and unknown keys are found at any depth, through references and alternatives', () => {
  const secret = { type: 'string', writeOnly: true }
  const shape = Shape.of({
    type: 'object',
    properties: {
      list: { type: 'array', items: { properties: { pin: secret, name: {} } } },
      either: { anyOf: [{ type: 'null' }, { allOf: [{ $ref: '#/definitions/login' }] }] },
      any: {},
    },
    definitions: { login: { properties: { password: secret, again: { $ref: '#/definitions/login' } } } },
  })
  const value = {
    list: [{ pin: 1, nam: 2 }, { name: { x: 1 } }],
    either: { password: 'x', again: { password: 'y' } },
    any: { thing: 1 },
    pin: 3,
  }
  expect([...shape.secretsIn(value)].map((path) => path.join('/'))).toEqual([
    'list/0/pin',
    'either/password',
    'either/again/password',
  ])
  expect([...shape.unknownIn(value)].map((path) => path.join('/'))).toEqual(['list/0/nam', 'pin'])
})
