// What both checks of scripts/check-deployment stand on: its shelf, commands that must succeed, and a plugin to swap.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const repository = join(import.meta.dir, '../..')

/** Where the script laid what it made. */
export function shelf(): string {
  const folder = process.env['HOME_CONSOLE_SHELF']
  if (folder === undefined)
    throw new Error('This is no test of the suite. Run it with: bun run check-deployment')
  return folder
}

/**
 * @returns what it said
 * @throws Error with that, when it did not succeed
 */
export async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: repository, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [said, complaints] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}\n${said}${complaints}`)
  return said.trim()
}

/** Says a word, blocks the loop when it is asked to, and starts a process that hears no SIGTERM and ends with the Core. */
export function writeLamp(plugins: string, word: string): void {
  const file = join(plugins, 'lamp/index.ts')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(
    file,
    `import { definePlugin } from '@home-console/sdk'
const CHILD = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
export default definePlugin({
  version: '1.0.0',
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/word', (c) => c.text('${word}'))
    router.post('/block', () => { for (;;); })
    router.post('/child', (c) => {
      const command = ['setpriv', '--pdeathsig', 'KILL', process.execPath, '-e', CHILD]
      const child = Bun.spawn(command, { detached: true, stdio: ['ignore', 'ignore', 'ignore'] })
      return c.text(String(child.pid))
    })
    return router
  },
})
`,
  )
}

/** Stands for the service, unless a plugin does already. */
export function writeAdapter(plugins: string, service: string): void {
  const sources = new Bun.Glob('*/index.ts').scanSync({ cwd: plugins, absolute: true })
  if (Array.from(sources, (file) => readFileSync(file, 'utf8')).some((text) => text.includes(`'${service}'`)))
    return
  writeFileSync(
    join(plugins, `${service}-adapter.ts`),
    `export default { version: '1.0.0', external: '${service}', onLoad() {} }\n`,
  )
}

export function freePort(): number {
  using server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  return server.port
}

/** Null while nobody answers. */
export async function textOf(url: string, init: RequestInit = {}): Promise<string | null> {
  try {
    return await (await fetch(url, { ...init, signal: AbortSignal.timeout(2_000) })).text()
  } catch {
    return null
  }
}
