// The process: reads the environment, starts the runtime, answers to signals, and ends it: no other file does, unless its loop is blocked.

import { ConfigError, readEnvironment, type Config } from './config.ts'
import { StartRefusal } from './db/start-refusal.ts'
import { messageOf } from './loader/fault.ts'
import { Runtime } from './runtime.ts'

/** https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html: 78 is EX_CONFIG. */
const EXIT_CONFIG = 78
const EXIT_FAILED = 1
/** After the start, in ms. */
const GIVE_BACK_MS = 1_000

let runtime: Runtime | undefined
/** The process is to end: nothing is started any more. */
let isLeaving = false

async function main(): Promise<void> {
  let config: Config
  try {
    config = readEnvironment(process.env, process.stdout.isTTY)
  } catch (error) {
    return end(error)
  }
  if (process.argv.includes('--restore')) {
    const { restoreHere } = await import('./main-restore.ts')
    process.exit(await restoreHere(process.argv.slice(2), config))
  }
  const complain = (what: string) => (error: unknown) =>
    runtime?.log.of(null).error(`${what}: ${messageOf(error)}`, { error })

  // Whoever threw it could not be told: it is named, and the house goes on.
  process.on('uncaughtException', complain('Nobody caught'))
  process.on('unhandledRejection', complain('Nobody awaited'))

  const stop = async (signal: string) => {
    isLeaving = true
    await runtime?.stop(signal)
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => void stop('SIGINT'))
  await start(config)
}

async function start(config: Config): Promise<void> {
  const restart = async (reason: string) => {
    await runtime?.stop(reason, { again: true })
    if (!isLeaving) await start(config)
  }
  let started: Runtime
  try {
    runtime = started = new Runtime({ config, restart: (reason) => void restart(reason) })
    if (!(await started.start())) return
  } catch (error) {
    return end(error)
  }
  const log = started.log.of(null)
  setTimeout(giveBack, GIVE_BACK_MS).unref()
  const { active, failed } = started.loader.count()
  log.info(
    `Listening on ${started.url.href} with ${active} plugins${failed > 0 ? `, ${failed} failed` : ''}. Documentation: ${started.url.href}docs`,
  )
  if (started.newTokenFile !== null) {
    log.info(
      `This first start made a token with all rights, in ${started.newTokenFile}. Try it: curl -H "Authorization: Bearer $(cat ${started.newTokenFile})" ${started.url.href}api/core/plugins`,
    )
  }
}

function end(error: unknown): void {
  const isOurs = error instanceof StartRefusal || error instanceof ConfigError
  process.stderr.write(`home-console cannot start: ${isOurs ? error.message : messageOf(error)}\n`)
  process.exit(exitCodeOf(error))
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StartRefusal) return error.exitCode
  return error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILED
}

/** What only the start needed goes back to the system: some 3 MB. */
function giveBack(): void {
  Bun.shrink()
}

// Not awaited at the top level: a module that never settles would hide a crash.
void main()
