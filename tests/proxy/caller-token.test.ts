// Who calls is told to a service as who they are, whatever they are called.

import { expect, test } from 'bun:test'
import { verify } from 'hono/jwt'
import { CallerTokens } from '../../core/proxy/caller-token.ts'

const KEY = 'a-credential-of-this-test'

test('A name that reads like another one with scopes has a token of its own', async () => {
  const tokens = new CallerTokens('svc', KEY)
  const told = async (name: string, scopes: string[]) => {
    const { sub, scopes: given } = await verify(
      await tokens.of({ kind: 'token', name, scopes }),
      KEY,
      'HS256',
    )
    return [sub, given]
  }
  expect(await told('bob', ['lights.write', 'sun.read'])).toEqual(['bob', ['lights.write', 'sun.read']])
  expect(await told('bob lights.write', ['sun.read'])).toEqual(['bob lights.write', ['sun.read']])
})
