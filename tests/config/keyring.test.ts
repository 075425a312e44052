// How secrets are encrypted on the disk, and what becomes of them when the key is lost or another.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { Keyring } from '../../core/secrets/keyring.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'home-console-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const inHouse = (name: string) => new Keyring({ file: join(folder, name), mayMake: true })
const ofOwner = (name: string) => new Keyring({ file: join(folder, name), mayMake: false })

test('opens what it sealed, and only where it was sealed for', () => {
  const keyring = inHouse('places')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), (text, here, elsewhere) => {
      const sealed = keyring.seal(text, here)
      expect(keyring.unseal(sealed, here)).toBe(Buffer.from(text).toString())
      if (here !== elsewhere) expect(() => keyring.unseal(sealed, elsewhere)).toThrow('another place')
      if (text.length > 3) expect(sealed).not.toContain(text)
    }),
    { numRuns: 200 },
  )
})

test('the same secret never looks the same, and a changed one does not open', () => {
  const keyring = inHouse('changed')
  const sealed = keyring.seal('hunter2', 'lamp /token')
  expect(keyring.seal('hunter2', 'lamp /token')).not.toBe(sealed)
  for (let at = 0; at < sealed.length; at++) {
    const other = sealed[at] === 'A' ? 'B' : 'A'
    const changed = sealed.slice(0, at) + other + sealed.slice(at + 1)
    // The last digit of base64 has bits that say nothing.
    if (Buffer.from(changed.split('.')[3] ?? '', 'base64url').toString('base64url') !== changed.split('.')[3])
      continue
    expect(() => keyring.unseal(changed, 'lamp /token')).toThrow()
  }
})

test('makes its key at the first need, for its owner only, and finds it again', () => {
  const keyring = inHouse('made')
  const sealed = keyring.seal('hunter2', '')
  expect(statSync(join(folder, 'made')).mode & 0o777).toBe(0o600)
  expect(inHouse('made').unseal(sealed, '')).toBe('hunter2')
})

test('a key that is lost, another or none is told, and nothing is written in its place', () => {
  const sealed = inHouse('first').seal('hunter2', '')
  expect(() => inHouse('lost').unseal(sealed, '')).toThrow(`there is no ${join(folder, 'lost')}`)
  expect(() => statSync(join(folder, 'lost'))).toThrow('ENOENT')

  inHouse('second').seal('x', '')
  expect(() => inHouse('second').unseal(sealed, '')).toThrow('It was encrypted with the key')

  expect(() => ofOwner('nowhere').seal('x', '')).toThrow('cannot be read')
  expect(() => statSync(join(folder, 'nowhere'))).toThrow('ENOENT')
  writeFileSync(join(folder, 'short'), 'short\n')
  expect(() => ofOwner('short').seal('x', '')).toThrow('openssl rand -base64 32 >')
  expect(readFileSync(join(folder, 'short'), 'utf8')).toBe('short\n')
})

test('takes a key that the owner made, raw or as text, with the last line ended or not', () => {
  const text = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
  writeFileSync(join(folder, 'ended'), `${text}\n`)
  writeFileSync(join(folder, 'open'), text)
  expect(ofOwner('open').unseal(ofOwner('ended').seal('hunter2', ''), '')).toBe('hunter2')
  writeFileSync(join(folder, 'raw'), new Uint8Array(32).fill(10))
  expect(ofOwner('raw').unseal(ofOwner('raw').seal('hunter2', ''), '')).toBe('hunter2')
})

test('what is no sealed text is told apart', () => {
  const keyring = inHouse('odd')
  keyring.seal('x', '')
  for (const odd of ['', 'v1', 'v2.a.b.c', 'hunter2', 'v1.aaaaaaaa..', 'v1.a.b.c.d'])
    expect(() => keyring.unseal(odd, '')).toThrow('no secret that this Core encrypted')
})
