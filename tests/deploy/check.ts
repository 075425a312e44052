// What both checks of scripts/check-deployment stand on: its shelf, commands that must succeed, and a plugin to swap.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { until } from '../until.ts'

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

/** What it answers to whoever has its token. @throws Error when it refuses */
export async function ask<T>(url: string, token: string, method = 'GET', body?: unknown): Promise<T> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const response = await fetch(url, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} was answered with ${response.status}: ${text}`)
  return (text === '' ? null : JSON.parse(text)) as T
}

interface Plugin {
  readonly id: string
  readonly kind: string
  readonly mode: string
  readonly status: readonly { readonly label: string; readonly state: string }[]
}

/** The adapters of a house by id, each with the mode of its service, once all of these are up. */
export function adaptersOf(url: string, token: string): Promise<Record<string, string>> {
  return until(
    'the services',
    async () => {
      const { plugins } = await ask<{ plugins: Plugin[] }>(`${url}/api/core/plugins`, token)
      const adapters = plugins.filter(({ kind }) => kind === 'adapter')
      const isUp = ({ status }: Plugin) =>
        status.some(({ label, state }) => label === 'external' && state === 'ok')
      return adapters.every(isUp) && Object.fromEntries(adapters.map(({ id, mode }) => [id, mode]))
    },
    30_000,
  )
}

/** Null while nobody answers. */
export async function textOf(url: string, init: RequestInit = {}): Promise<string | null> {
  try {
    return await (await fetch(url, { ...init, signal: AbortSignal.timeout(2_000) })).text()
  } catch {
    return null
  }
}
