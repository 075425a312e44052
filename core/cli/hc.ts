#!/usr/bin/env bun
// hc, the command line of Home Console: talks HTTP to a running Core, and checks and begins plugins without one.

import { defineCommand, renderUsage, runCommand, runMain } from 'citty'
import { RefusedByCore } from './client.ts'
import { Failure } from './failure.ts'
import { complain, harmless, plain, print, red } from './output.ts'
import { strict } from './strict.ts'

const hc = defineCommand({
  meta: {
    name: 'hc',
    description:
      'Home Console. HC_URL says where it is (else HOST and PORT), HC_TOKEN who asks (else the token in DATA_DIR)',
  },
  setup: strict(),
  subCommands: {
    status: () => import('./commands/status.ts').then((module) => module.status),
    plugin: () => import('./commands/plugin.ts').then((module) => module.plugin),
    external: () => import('./commands/external.ts').then((module) => module.external),
    event: () => import('./commands/event.ts').then((module) => module.event),
    backup: () => import('./commands/backup.ts').then((module) => module.backup),
    restore: () => import('./commands/restore.ts').then((module) => module.restore),
    call: () => import('./commands/call.ts').then((module) => module.call),
  },
})

/** `--json` may stand anywhere; citty wants options behind the command that they belong to. */
function jsonLast(args: string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length
  const options = args.slice(0, end)
  const others = options.filter((arg) => arg !== '--json')
  return [...others, ...options.filter((arg) => arg === '--json').slice(0, 1), ...args.slice(end)]
}

const rawArgs = jsonLast(process.argv.slice(2))
if (rawArgs.includes('--help') || rawArgs.includes('-h')) {
  await runMain(hc, { rawArgs, showUsage: async (command) => print(plain(await renderUsage(command))) })
}
try {
  await runCommand(hc, { rawArgs })
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

/** Says what went wrong. */
function exitCodeOf(error: unknown): number {
  if (error instanceof RefusedByCore && rawArgs.includes('--json')) {
    print(harmless(error.text))
    return error.exitCode
  }
  if (error instanceof Failure) {
    complain(`${red('hc:')} ${error.message}`)
    return error.exitCode
  }
  // Mistakes that citty finds: no such command, an argument that is missing.
  if (error instanceof Error && error.name === 'CLIError') {
    complain(`${red('hc:')} ${harmless(Bun.stripANSI(error.message)).replace(/\.$/, '')}. See hc --help.`)
    return 2
  }
  // What the system refuses (a folder that may not be written) says enough; anything else is a fault of hc.
  const isOfSystem = error instanceof Error && 'syscall' in error
  complain(`${red('hc:')} ${harmless(isOfSystem ? error.message : Bun.inspect(error))}`)
  return 1
}
