// What a plugin's modules see under the names of the platform: a console of its own, timers that are known, and plain
// words where a plugin would open a server.

import { formatWithOptions } from 'node:util'
import type { Hold } from '@home-console/sdk'
import type { OwnedLog } from '../../log/log.ts'
import type { Presence } from '../../vigil/record.ts'
import { leave } from '../border/border.ts'
import { PluginError } from '../fault.ts'
import type { Belongings } from './belongings.ts'
import { globalListeners } from './global-listeners.ts'

export interface GlobalsOptions {
  readonly log: OwnedLog
  readonly belongings: Belongings
  readonly presence: Presence
  /** Stand for the platform's in tests. */
  readonly given?: Readonly<Record<string, unknown>> | undefined
  /** Calls into the plugin, and charges what goes wrong to it. */
  readonly call: (work: Hold, run: () => unknown) => unknown
  readonly charge: (error: unknown, where: string) => void
}

/** Anew for each generation. */
export function pluginGlobals(options: GlobalsOptions): Record<string, unknown> {
  const { log, given } = options
  return {
    console: pluginConsole(log),
    process: pluginProcess(options),
    Bun: pluginBun(),
    Worker: pluginWorker(options),
    ...pluginTimers(options),
    ...globalListeners(options),
    ...given,
  }
}

function forbidden(what: string, instead: string): () => never {
  return () => {
    throw new PluginError('not_allowed', `${what} does not work in a plugin: ${instead}`)
  }
}

const noServer =
  'the Core owns the only server. Return a router from onLoad, or run an external service of its own.'

function pluginBun(): object {
  return Object.create(Bun, {
    serve: { value: forbidden('Bun.serve', noServer) },
    listen: { value: forbidden('Bun.listen', noServer) },
    env: { value: process.env },
    spawn: { value: spawning(Bun.spawn) },
    spawnSync: { value: spawning(Bun.spawnSync) },
  })
}

/** Unless told, Bun gives a child the environment in which the process began, with the secrets that the Core took out. */
function spawning(spawn: (command: any, options?: any) => unknown): typeof spawn {
  const withEnv = (options: { env?: unknown } | undefined) => ({
    ...options,
    env: options?.env ?? process.env,
  })
  return (command, options) =>
    Array.isArray(command) ? spawn(command, withEnv(options)) : spawn(withEnv(command))
}

function pluginConsole(log: OwnedLog): Console {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...args: unknown[]) => {
      const text = formatWithOptions({ depth: 4 }, ...args)
      leave(() => log[level](text))
    }
  const info = write('info')
  return Object.create(console, {
    log: { value: info },
    info: { value: info },
    dir: { value: (value: unknown) => info(value) },
    table: { value: (value: unknown) => info(Bun.inspect.table(value as object)) },
    debug: { value: write('debug') },
    trace: { value: write('debug') },
    warn: { value: write('warn') },
    error: { value: write('error') },
    assert: {
      value: (condition: unknown, ...args: unknown[]) =>
        void (condition || write('error')('Assertion failed:', ...args)),
    },
  }) as Console
}

const LISTENER_METHODS = ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const

function pluginProcess({ belongings, call }: GlobalsOptions): object {
  const heardBy = new WeakMap<Function, ((...args: unknown[]) => void)[]>()
  const own: NodeJS.Process = Object.create(process, {
    ...Object.fromEntries(LISTENER_METHODS.map((method) => [method, { value: listen(method) }])),
    off: { value: unlisten },
    removeListener: { value: unlisten },
  })
  /** Listeners on the shared process outlive the module context, so they are taken back one by one. */
  function listen(method: (typeof LISTENER_METHODS)[number]) {
    return (event: string, listener: (...args: any[]) => void) => {
      const once = /once/i.test(method)
      const work = { kind: 'listener', label: `process "${event}"` }
      const heard = (...args: unknown[]) => {
        if (once) unlisten(event, listener)
        call(work, () => listener.apply(own, args))
      }
      process[/prepend/.test(method) ? 'prependListener' : 'on'](event, heard)
      heardBy.set(listener, [...(heardBy.get(listener) ?? []), heard])
      belongings.add(heard, { kind: 'listener', label: `process "${event}"` }, () =>
        process.off(event, heard),
      )
      return own
    }
  }
  function unlisten(event: string, listener: (...args: any[]) => void) {
    const heard = heardBy.get(listener)?.pop()
    if (heard === undefined) return own
    process.off(event, heard)
    belongings.remove(heard)
    return own
  }
  return own
}

function pluginWorker({ belongings, charge }: GlobalsOptions): typeof Worker {
  return class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options)
      belongings.add(this, { kind: 'worker', label: labelOf(url) })
      this.addEventListener('close', () => belongings.remove(this))
      this.addEventListener('error', ({ error, message }) => charge(error ?? message, 'a worker'))
    }

    override terminate(): void {
      belongings.remove(this)
      super.terminate()
    }
  }
}

function labelOf(url: string | URL): string {
  const text = String(url)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text.replace(/^file:\/\//, '')
}

type Callback = (...args: any[]) => void
/** As an object, so that a timer is known by identity; `clearTimeout` also takes its number or text. */
type Timer = ReturnType<typeof setTimeout>

function pluginTimers({ belongings, presence }: GlobalsOptions): Record<string, unknown> {
  const once =
    (name: string, start: (run: Callback, ms?: number, ...args: any[]) => Timer) =>
    (run: Callback, ms?: number, ...args: any[]) => {
      if (typeof run !== 'function') return start(run, ms, ...args)
      const label = ms === undefined ? name : `${name} of ${ms} ms`
      const mark = presence.markOf({ kind: 'timer', label })
      const timer: Timer = start(
        (...given: any[]) => {
          belongings.remove(timer)
          presence.during(mark, () => run(...given))
        },
        ms,
        ...args,
      )
      belongings.add(timer, { kind: 'timer', label })
      return timer
    }
  const repeating = (run: Callback, ms?: number, ...args: any[]) => {
    if (typeof run !== 'function') throw new TypeError('setInterval takes a function.')
    const label = `setInterval of ${ms ?? 0} ms`
    const mark = presence.markOf({ kind: 'timer', label })
    const timer = setInterval((...given: any[]) => presence.during(mark, () => run(...given)), ms, ...args)
    belongings.add(timer, { kind: 'timer', label })
    return timer
  }
  const clear = (stop: (timer: any) => void) => (timer: unknown) => {
    if (typeof timer === 'object') belongings.remove(timer)
    else
      for (const known of belongings.things()) if (Number(known) === Number(timer)) belongings.remove(known)
    stop(timer)
  }
  return {
    setTimeout: Object.assign(once('setTimeout', setTimeout as never), promisified(setTimeout)),
    setImmediate: Object.assign(
      once('setImmediate', ((run: Callback, _ms: unknown, ...args: any[]) =>
        setImmediate(run, ...args)) as never),
      promisified(setImmediate),
    ),
    setInterval: repeating,
    clearTimeout: clear(clearTimeout),
    clearInterval: clear(clearInterval),
    clearImmediate: clear(clearImmediate),
  }
}

/** `util.promisify(setTimeout)` goes by a symbol. */
function promisified(timer: object): object {
  return Object.fromEntries(
    Object.getOwnPropertySymbols(timer).map((symbol) => [symbol, (timer as Record<symbol, unknown>)[symbol]]),
  )
}
