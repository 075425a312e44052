// What is taken for the OpenAPI document of a service, and what is refused, with the reason.

import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { readExternalDocument } from '../../core/http/document/external-document.ts'

const ok = { responses: { 200: { description: 'Fine.' } } }
const documentOf = (more: object = {}, openapi = '3.1.0') =>
  JSON.stringify({
    openapi,
    info: { title: 'Clients', version: '1.2.3' },
    paths: { '/a': { get: ok } },
    ...more,
  })
const read = (more?: object, openapi?: string) => readExternalDocument(documentOf(more, openapi))
const withSchema = (schema: unknown) => ({ components: { schemas: { A: schema } } })

describe('a document', () => {
  test('of 3.0 and of 3.1 is taken, with its operations and their keys', () => {
    for (const openapi of ['3.0.0', '3.0.3', '3.1.0', '3.1.1']) {
      const { version, keys } = read(
        { paths: { '/a/{x}': { get: ok, parameters: [{ name: 'x', in: 'path' }] }, '/b': { post: ok } } },
        openapi,
      )
      expect([version, [...keys]]).toEqual(['1.2.3', ['GET /a/{}', 'POST /b']])
    }
  })

  test('of 3.0 is said in the words of 3.1', () => {
    const { components } = read(
      withSchema({
        type: 'object',
        properties: {
          name: { type: 'string', nullable: true },
          kind: { type: 'string', enum: ['a'], nullable: true },
          of: { $ref: '#/components/schemas/A', nullable: true },
          over: { type: 'number', minimum: 5, exclusiveMinimum: true },
          upTo: { type: 'number', maximum: 5, exclusiveMaximum: false },
          nullable: { type: 'boolean', nullable: false },
        },
      }),
      '3.0.3',
    )
    expect(components['schemas']!['A']!['properties']).toEqual({
      name: { type: ['string', 'null'] },
      kind: { type: ['string', 'null'], enum: ['a', null] },
      of: { anyOf: [{ $ref: '#/components/schemas/A' }, { type: 'null' }] },
      over: { type: 'number', exclusiveMinimum: 5 },
      upTo: { type: 'number', maximum: 5 },
      nullable: { type: 'boolean' },
    })
  })

  test('loses what leads elsewhere, and nothing that is only called so', () => {
    const links = { next: { operationId: 'x' } }
    const { operations, components } = read({
      servers: [{ url: 'https://elsewhere.example' }],
      security: [{ oauth: [] }],
      paths: {
        '/a': {
          servers: [{ url: 'https://elsewhere.example' }],
          get: {
            ...ok,
            security: [],
            callbacks: { done: { '{$request.body#/url}': { post: ok } } },
            externalDocs: { url: 'javascript:alert(1)' },
            'x-internal': true,
            responses: { 200: { description: '', links, headers: { 'X-Rest': {}, links: {} } } },
          },
        },
      },
      ...withSchema({
        properties: { servers: {}, $id: {}, security: {}, 'x-y': {}, $ref: {}, mapping: { type: 'object' } },
      }),
    })
    expect(operations).toEqual([
      {
        method: 'get',
        path: '/a',
        operation: { responses: { 200: { description: '', headers: { 'X-Rest': {}, links: {} } } } },
      },
    ])
    expect(Object.keys(components['schemas']!['A']!['properties'] as object)).toEqual([
      'servers',
      '$id',
      'security',
      'x-y',
      '$ref',
      'mapping',
    ])
  })

  test('keeps examples and defaults as data, whatever they look like', () => {
    const odd = { $ref: 'https://elsewhere.example', 'x-a': 1, servers: [] }
    const { components } = read(
      withSchema({ default: odd, example: odd, examples: [odd], enum: [odd], const: odd }),
    )
    expect(components['schemas']!['A']).toEqual({
      default: odd,
      example: odd,
      examples: [odd],
      enum: [odd],
      const: odd,
    })
  })

  test('may have a path item among its components, and parameters for a whole path', () => {
    const { operations } = read({
      paths: { '/a/{x}': { $ref: '#/components/pathItems/A' } },
      components: {
        pathItems: {
          A: {
            parameters: [{ $ref: '#/components/parameters/X' }, { name: 'q', in: 'query' }],
            get: { ...ok, parameters: [{ name: 'q', in: 'query', required: true }] },
          },
        },
        parameters: { X: { name: 'x', in: 'path' } },
      },
    })
    expect(operations[0]!.operation['parameters']).toEqual([
      { $ref: '#/components/parameters/X' },
      { name: 'q', in: 'query', required: true },
    ])
  })

  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  test.each<[what: string, text: string, why: RegExp]>([
    ['no JSON', '<html>', /^It is no JSON/],
    ['half of one', documentOf().slice(0, -5), /^It is no JSON/],
    ['a text', '"openapi"', /the whole/],
    ['null', 'null', /the whole/],
    ['Swagger 2', JSON.stringify({ swagger: '2.0', info: { title: '', version: '' }, paths: {} }), /openapi/],
    ['OpenAPI 4', documentOf({}, '4.0.0'), /must be a version of OpenAPI 3\.0 or 3\.1/],
    ['paths in a list', documentOf({ paths: [] }), /paths/],
    [
      'a path without a slash',
      documentOf({ paths: { a: { get: ok } } }),
      /must be a path that begins with a slash/,
    ],
    ['a path with half a brace', documentOf({ paths: { '/{a': { get: ok } } }), /braces/],
    ['an operation that is none', documentOf({ paths: { '/a': { get: 'x' } } }), /"paths" "\/a" "get"/],
    [
      'a parameter without a place',
      documentOf({ paths: { '/a': { get: { ...ok, parameters: [{ name: 'x' }] } } } }),
      /place/,
    ],
    [
      'a component with an odd name',
      documentOf({ components: { schemas: { '<script>': {} } } }),
      /must match/,
    ],
    [
      'a reference outside',
      documentOf(withSchema({ $ref: 'https://elsewhere.example/a.json' })),
      /not fetched/,
    ],
    [
      'a reference to a file',
      documentOf(withSchema({ items: { $ref: 'file:///etc/passwd' } })),
      /not fetched/,
    ],
    ['a reference to another file', documentOf(withSchema({ $ref: './common.json#/A' })), /not fetched/],
    ['a reference to nothing', documentOf(withSchema({ $ref: '#/components/schemas/B' })), /Nothing is at/],
    [
      'a reference to what objects come with',
      documentOf(withSchema({ $ref: '#/components/schemas/constructor' })),
      /Nothing is at/,
    ],
    ['a reference into the paths', documentOf(withSchema({ $ref: '#/paths/~1a' })), /only its components/],
    [
      'a mapping outside',
      documentOf(withSchema({ discriminator: { propertyName: 'k', mapping: { a: 'http://x/y' } } })),
      /not fetched/,
    ],
    [
      'what sets a prototype',
      `{"openapi":"3.1.0","info":{"title":"","version":"","__proto__":{"x":1}}}`,
      /__proto__/,
    ],
    ['a schema that sets one', documentOf().replace('{"get"', '{"__proto__":{},"get"'), /__proto__/],
    [
      'what is nested deeply',
      documentOf({ 'x-deep': 0 }).replace('"x-deep":0', `"x-deep":${deep(5_000)}`),
      /nested more than/,
    ],
    ['what is nested without end', '['.repeat(1_500_000), /./],
    [
      'a long path item that many paths refer to',
      documentOf({
        paths: Object.fromEntries(
          Array.from({ length: 1_000 }, (_, index) => [`/${index}`, { $ref: '#/components/pathItems/A' }]),
        ),
        components: { pathItems: { A: { get: { ...ok, description: 'long'.repeat(10_000) } } } },
      }),
      /written out/,
    ],
    ['a long list', documentOf({ 'x-long': Array(300_000).fill(0) }), /more than 200000 values/],
  ])('is refused when it is, or has, %s', (_, text, why) => {
    expect(() => readExternalDocument(text)).toThrow(
      expect.objectContaining({ name: 'DocumentRefused', message: expect.stringMatching(why) }),
    )
  })

  test('that names what objects come with is taken as it stands', () => {
    const { components } = read({
      ...withSchema({ properties: { constructor: { type: 'string' }, toString: { type: 'string' } } }),
      paths: { '/constructor': { get: { ...ok, operationId: 'constructor' } } },
    })
    expect(Object.keys(components['schemas']!['A']!['properties'] as object)).toEqual([
      'constructor',
      'toString',
    ])
  })

  test('is taken or refused for a reason, whatever it is', () => {
    const paths = fc.dictionary(fc.string(), fc.jsonValue())
    const anything = fc.record({
      openapi: fc.oneof(fc.constant('3.1.0'), fc.constant('3.0.0'), fc.jsonValue()),
      info: fc.oneof(fc.constant({ title: '', version: '' }), fc.jsonValue()),
      paths: fc.oneof(paths, fc.jsonValue()),
      components: fc.oneof(
        fc.record({ schemas: fc.dictionary(fc.string(), fc.jsonValue()) }),
        fc.jsonValue(),
      ),
    })
    fc.assert(
      fc.property(anything, (given) => {
        try {
          readExternalDocument(JSON.stringify(given))
        } catch (error) {
          return (error as Error).name === 'DocumentRefused'
        }
        return true
      }),
      { numRuns: 1_000 },
    )
  })
})
