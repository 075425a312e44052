// The versions of the plugin that holds a port: good ones, and every way of being a bad one.

/** As the plugin sees the world. */
export interface Outside {
  /** The UDP port that only one can hold. */
  readonly port: number
  /** Where holders write down when they take it and when they give it back. */
  readonly journal: string
  /** While this file is there, nothing is handed over. */
  readonly jammed: string
}

/** Holds the port from its `onLoad` to its close, and answers a datagram with its version, as `/version` does. */
export function holder(
  { port, journal, jammed }: Outside,
  version: number,
  flaw: Partial<Flaw> = {},
): string {
  return `
import { appendFileSync, existsSync } from 'node:fs'
${flaw.atImport ?? ''}
export default {
  exclusive: true,
  provides: ['holder'],
  requires: [${flaw.requires ?? ''}],
  handover() {
    if (existsSync('${jammed}')) throw new Error('jammed')
    return { from: ${version} }
  },
  async onLoad(ctx) {
    const socket = await Bun.udpSocket({
      hostname: '127.0.0.1',
      port: ${port},
      socket: { data: (socket, _data, port, address) => void socket.send('${version}', port, address) },
    })
    appendFileSync('${journal}', 'take ${version}\\n')
    ctx.defer(() => {
      socket.close()
      appendFileSync('${journal}', 'give ${version}\\n')
    })
    ${flaw.inOnLoad ?? ''}
    ctx.services.provide('holder', { version: () => ${version} })
    const router = ctx.router({ security: [] })
    return router.get('/version', (c) => c.text('${version}'))
  },
}
`
}

interface Flaw {
  readonly atImport: string
  readonly inOnLoad: string
  readonly requires: string
}

export interface BadVersion {
  readonly what: string
  readonly text: (outside: Outside, version: number) => string
  /** It is decided when the next one is saved, and not before. */
  readonly hangs?: true
  /** Nothing of it is bad, but the version before does not hand over. */
  readonly jams?: true
}

const flawed =
  (flaw: Partial<Flaw>) =>
  (outside: Outside, version: number): string =>
    holder(outside, version, flaw)

export const BAD: readonly BadVersion[] = [
  {
    what: 'throws in onLoad, with the port in its hands',
    text: flawed({ inOnLoad: `throw new Error('no')` }),
  },
  { what: 'throws when it is imported', text: flawed({ atImport: `throw new Error('no')` }) },
  { what: 'does not parse', text: () => 'export default {' },
  { what: 'imports what is not there', text: flawed({ atImport: `import './gone.ts'` }) },
  { what: 'never ends its onLoad', text: flawed({ inOnLoad: 'await new Promise(() => {})' }), hangs: true },
  { what: 'needs a service that nobody provides', text: flawed({ requires: `'moon'` }) },
  { what: 'is handed over nothing, as the one before throws', text: holder, jams: true },
  { what: 'does not provide what it says', text: flawed({ inOnLoad: 'return' }) },
  { what: 'never ends its import', text: flawed({ atImport: 'await new Promise(() => {})' }), hangs: true },
  { what: 'is no plugin', text: () => 'export default 3' },
]
