// What `hc call` makes of an OpenAPI document and key=value.

import { expect, test } from 'bun:test'
import { BadUsage } from '../../core/cli/failure.ts'
import { findOperation, requestOf } from '../../core/cli/openapi.ts'

const DOCUMENT = {
  paths: {
    '/api/rooms/{room}/lamps/{id}': {
      parameters: [{ $ref: '#/components/parameters/Room' }],
      put: {
        operationId: 'lamp.set',
        parameters: [
          { name: 'id', in: 'path' },
          { name: 'tag', in: 'query' },
          { name: 'If-Match', in: 'header' },
          { name: 'session', in: 'cookie' },
        ],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/lamp.State' } } },
        },
      },
      get: { operationId: 'lamp.get', parameters: [{ name: 'id', in: 'path' }] },
      patch: {
        operationId: 'lamp.change',
        parameters: [{ name: 'id', in: 'path' }],
        requestBody: { content: { 'application/merge-patch+json': {} } },
      },
    },
  },
  components: {
    parameters: { Room: { name: 'room', in: 'path' } },
    schemas: {
      'lamp.Named': { properties: { name: { $ref: '#/components/schemas/lamp.Name' } } },
      'lamp.Name': { type: ['string', 'null'] },
      'lamp.State': {
        allOf: [{ $ref: '#/components/schemas/lamp.Named' }],
        properties: { on: { type: 'boolean' } },
      },
    },
  },
} as const

const request = (id: string, ...pairs: string[]) => requestOf(findOperation(DOCUMENT as object, id), pairs)

test('each value goes where it is declared, and the rest into the body', () => {
  expect(
    request(
      'lamp.set',
      'room=living room/2',
      'id=a',
      'tag=x',
      'tag=y&z',
      'If-Match="1"',
      'session=s;t',
      'on=true',
      'name=true',
      'colour=[1,2]',
      'note=a=b',
    ),
  ).toEqual({
    method: 'PUT',
    path: '/api/rooms/living%20room%2F2/lamps/a?tag=x&tag=y%26z',
    headers: { 'If-Match': '"1"', cookie: 'session=s%3Bt', 'content-type': 'application/json' },
    body: '{"on":true,"name":"true","colour":[1,2],"note":"a=b"}',
  })
})

test('a body is sent where one is required, and not where nobody says anything', () => {
  expect(request('lamp.set', 'room=a', 'id=b').body).toBe('{}')
  expect(request('lamp.change', 'room=a', 'id=b')).not.toHaveProperty('body')
  expect(request('lamp.get', 'room=a', 'id=b')).toEqual({
    method: 'GET',
    path: '/api/rooms/a/lamps/b',
    headers: {},
  })
})

test('__proto__ is a key like any other', () => {
  expect(request('lamp.set', 'room=a', 'id=b', '__proto__={"x":1}').body).toBe('{"__proto__":{"x":1}}')
})

test.each([
  ['there is no such operation', ['lamp.dance']],
  ['a value has no key', ['lamp.get', 'room']],
  ['a key is empty', ['lamp.get', '=1']],
  ['a parameter of the path is missing', ['lamp.get', 'room=a']],
  ['a parameter of the path is empty', ['lamp.get', 'room=', 'id=b']],
  ['a parameter would lead out of the path', ['lamp.get', 'room=..', 'id=b']],
  ['a header would be two', ['lamp.set', 'room=a', 'id=b', 'If-Match=a\r\nX-Other: b']],
  ['the operation takes no such value', ['lamp.get', 'room=a', 'id=b', 'on=true']],
])('it is bad usage when %s', (_, [id, ...pairs]) => {
  expect(() => request(id!, ...pairs)).toThrow(BadUsage)
})
