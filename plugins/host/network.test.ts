import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { Meter } from './meter.ts'
import {
  type Interface,
  kindOf,
  outward,
  parseNetDev,
  parseSpeed,
  parseState,
  readNetwork,
} from './network.ts'

const head = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`

describe('/proc/net/dev', () => {
  test('of a Raspberry Pi gives what each interface received and sent', () => {
    const interfaces =
      parseNetDev(`${head}    lo:  112233     900    0    0    0     0          0         0   112233     900    0    0    0     0       0          0
  eth0: 987654321 1234567    3   12    0     0          0      4321 123456789  765432    1    2    0     0       0          0
 wlan0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`)
    expect([...interfaces.keys()]).toEqual(['lo', 'eth0', 'wlan0'])
    expect(interfaces.get('eth0')).toEqual({
      received: { bytes: 987_654_321, packets: 1_234_567, errors: 3, dropped: 12 },
      sent: { bytes: 123_456_789, packets: 765_432, errors: 1, dropped: 2 },
    })
  })

  test('of old kernels has no space after the colon', () => {
    expect(parseNetDev(`${head}  eth0:5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0\n`).get('eth0')?.received?.bytes).toBe(
      5,
    )
  })

  test('of a container without interfaces gives none', () => {
    expect(parseNetDev(head).size).toBe(0)
  })

  test('cut off in the middle of a line knows what stands there and nothing more', () => {
    expect(parseNetDev(`${head}  eth0: 5 1 0 0 0 0 0 0 6 1\n`).get('eth0')).toEqual({
      received: { bytes: 5, packets: 1, errors: 0, dropped: 0 },
      sent: null,
    })
  })

  test('gives back what was written into it', () => {
    const names = fc.stringMatching(/^[a-z][a-z0-9.@:-]{0,14}$/)
    const counters = fc.array(fc.nat(), { minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(fc.dictionary(names, counters), (table) => {
        const lines = Object.entries(table).map(
          ([name, columns]) => `${name.padStart(6)}: ${columns.join(' ')}\n`,
        )
        const interfaces = parseNetDev(head + lines.join(''))
        expect([...interfaces.keys()]).toEqual(Object.keys(table))
        for (const [name, columns] of Object.entries(table)) {
          expect(interfaces.get(name)?.sent?.bytes).toBe(columns[8])
        }
      }),
    )
  })
})

test('a state is one of the seven, and unknown when it is none', () => {
  expect(parseState('lowerlayerdown')).toBe('lowerlayerdown')
  expect(parseState('asleep')).toBe('unknown')
  expect(parseState(null)).toBe('unknown')
})

test('a link without a speed has none', () => {
  expect([parseSpeed('1000'), parseSpeed('-1'), parseSpeed(''), parseSpeed(null)]).toEqual([
    1e9,
    null,
    null,
    null,
  ])
})

test('an interface is told by where its folder leads', () => {
  expect(kindOf('eth0', '../../devices/platform/scb/fd580000.ethernet/net/eth0')).toBe('hardware')
  expect(kindOf('docker0', '../../devices/virtual/net/docker0')).toBe('virtual')
  expect(kindOf('lo', '../../devices/virtual/net/lo')).toBe('loopback')
  expect(kindOf('en0', null)).toBeNull()
})

const of = (...kinds: Interface['kind'][]) => outward(kinds.map((kind) => ({ kind }) as Interface))

describe('what goes in and out of the machine', () => {
  test('is counted at the hardware, and not again at the bridge', () => {
    expect(of('loopback', 'hardware', 'virtual').map(({ kind }) => kind)).toEqual(['hardware'])
  })

  test('is counted at what there is in a container', () => {
    expect(of('loopback', 'virtual').map(({ kind }) => kind)).toEqual(['virtual'])
  })
})

test('the loopback of this machine is found, with its address', async () => {
  const interfaces = await readNetwork(new Meter())
  const loopback = interfaces.find(({ kind }) => kind === 'loopback')
  expect(loopback?.addresses).toContain('127.0.0.1/8')
})
