// Whom the house believes when a reverse proxy stands in front of it.

import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { TrustedProxies } from '../../core/http/door/trusted-proxies.ts'

const trusted = new TrustedProxies(['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'])
const clientOf = (peer: string, forwarded?: string) =>
  trusted.clientOf(peer, new Headers(forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded }))

describe('a client', () => {
  test.each<[what: string, peer: string, forwarded: string | undefined, client: string]>([
    ['is the peer where it is no proxy, whatever it says of itself', '192.0.2.7', '6.6.6.6', '192.0.2.7'],
    ['is whom a trusted proxy names', '127.0.0.1', '192.0.2.7', '192.0.2.7'],
    ['is the proxy where that names nobody', '10.1.2.3', undefined, '10.1.2.3'],
    ['stands behind all proxies that are trusted', '::1', '192.0.2.7, 10.0.0.9,127.0.0.1', '192.0.2.7'],
    ['is not what it put in front of its own address', '127.0.0.1', '6.6.6.6, 192.0.2.7', '192.0.2.7'],
    [
      'is the last proxy that is known, where what it says is no address',
      '127.0.0.1',
      'unknown, 10.0.0.9',
      '10.0.0.9',
    ],
    ['may be written with its port', '127.0.0.1', '192.0.2.7:4711', '192.0.2.7'],
    ['may be written with its port, in brackets', '127.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['may be reached over IPv6 by a proxy of IPv4', '::ffff:10.0.0.9', '192.0.2.7', '192.0.2.7'],
  ])('%s', (_what, peer, forwarded, client) => {
    expect(clientOf(peer, forwarded)).toBe(client)
  })

  test('that is trusted by nobody can say what it likes', () => {
    const word = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[!-~]{0,20}$/))
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(clientOf('192.0.2.7', words.join(','))).toBe('192.0.2.7')
        // What a proxy has put last is what counts.
        expect(clientOf('127.0.0.1', [...words, '192.0.2.7'].join(', '))).toBe('192.0.2.7')
      }),
    )
  })
})

test('the scheme and the name are believed of a trusted proxy alone, where they make sense', () => {
  const headers = new Headers({
    'X-Forwarded-Proto': 'http, HTTPS',
    'X-Forwarded-Host': 'evil.example, home.example',
  })
  expect([trusted.schemeOf('10.0.0.9', headers), trusted.hostOf('10.0.0.9', headers)]).toEqual([
    'https',
    'home.example',
  ])
  expect([trusted.schemeOf('192.0.2.7', headers), trusted.hostOf('192.0.2.7', headers)]).toEqual([null, null])
  const odd = new Headers({ 'X-Forwarded-Proto': 'gopher', 'X-Forwarded-Host': '' })
  expect([trusted.schemeOf('10.0.0.9', odd), trusted.hostOf('10.0.0.9', odd)]).toEqual([null, null])
})
