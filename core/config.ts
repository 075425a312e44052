// The environment, read once and checked: the only file that knows its names.

import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as v from 'valibot'

export interface Config {
  readonly host: string
  readonly port: number
  /** Absolute. All that the Core writes stands below it. */
  readonly dataDir: string
  /** Absolute, at least one. */
  readonly pluginsDirs: readonly string[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly logFormat: 'pretty' | 'json'
  /** From the environment, or null: then the Core has one of its own in `dataDir`. */
  readonly adminToken: string | null
  readonly publicUrl: URL | null
  /** Host names without ports, lower case. */
  readonly allowedHosts: readonly string[]
  /** Addresses, and networks as `10.0.0.0/8`: reverse proxies that are believed what they say of their clients. */
  readonly trustedProxies: readonly string[]
  /** How long the event loop may be blocked before the process is ended, in ms; 0: it is not watched. */
  readonly blockedLoopMs: number
  /** Absolute: a folder that outlives the process, but needs not outlive the machine. */
  readonly runtimeDir: string
  /** The service manager that wants to be told, if there is one. */
  readonly notify: { readonly socket: string; readonly watchdogMs: number | null } | null
  /** So many mistakes of a plugin right after a swap bring its last version back; 0 for never. */
  readonly rollbackAfter: number
  /** Absolute: a key for secrets that the owner keeps apart; null: the Core makes one in `dataDir`. */
  readonly secretKeyFile: string | null
  /** Absolute: where backups are kept. */
  readonly backupDir: string
  /** Absolute: where `service.json` files are. It may not be there. */
  readonly externalDir: string
  /** What a child process gets of the Core's environment: nothing of it is secret. */
  readonly childEnvironment: Readonly<Record<string, string>>
  /** Where external services are, and what proves them, by name. */
  readonly external: Readonly<Record<string, { readonly url?: string; readonly credential?: string }>>
  /** The system's zone, an IANA name. */
  readonly timeZone: string
  /** The variables that set the config of plugins, `PLUGIN_<ID>__<KEY>`, by name. */
  readonly pluginEnvironment: Readonly<Record<string, string>>
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const list = (separator: string | RegExp) =>
  v.pipe(
    v.string(),
    v.transform((text) =>
      text
        .split(separator)
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
  )

const secret = v.pipe(
  v.string(),
  v.regex(/^[\x21-\x7e]{16,512}$/, 'must be 16 to 512 visible ASCII characters'),
)

const Ipv4 = v.pipe(v.string(), v.ipv4())
const Ipv6 = v.pipe(v.string(), v.ipv6())

const Environment = v.object({
  HOST: v.optional(v.pipe(v.string(), v.minLength(1)), '127.0.0.1'),
  PORT: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,5}$/, 'must be a port number'),
      v.transform(Number),
      v.maxValue(65_535),
    ),
    '11000',
  ),
  DATA_DIR: v.optional(v.pipe(v.string(), v.minLength(1)), './data'),
  PLUGINS_DIR: v.optional(v.pipe(list(':'), v.minLength(1, 'must name at least one folder')), './plugins'),
  LOG_LEVEL: v.optional(v.picklist(['debug', 'info', 'warn', 'error']), 'info'),
  LOG_FORMAT: v.optional(v.picklist(['pretty', 'json'])),
  ADMIN_TOKEN: v.optional(secret),
  PUBLIC_URL: v.optional(
    v.pipe(
      v.string(),
      v.url(),
      v.transform((text) => new URL(text)),
    ),
  ),
  ALLOWED_HOSTS: v.optional(list(','), ''),
  TRUSTED_PROXIES: v.optional(
    v.pipe(
      list(','),
      v.array(
        v.pipe(
          v.string(),
          v.check(isNetwork, ({ input }) => `"${input}" is no address, and no network such as 10.0.0.0/8`),
        ),
      ),
    ),
    '',
  ),
  BLOCKED_LOOP_MS: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,7}$/, 'must be a number of milliseconds'),
      v.transform(Number),
      v.check((ms) => ms === 0 || ms >= 1_000, 'must be 0, or at least 1000'),
    ),
    '3000',
  ),
  // The names are systemd's; see systemd.exec(5) and sd_watchdog_enabled(3).
  RUNTIME_DIRECTORY: v.optional(list(':')),
  NOTIFY_SOCKET: v.optional(v.string()),
  WATCHDOG_USEC: v.optional(v.pipe(v.string(), v.regex(/^\d+$/, 'must be a number'), v.transform(Number))),
  WATCHDOG_PID: v.optional(v.string()),
  SECRET_KEY_FILE: v.optional(v.string()),
  CREDENTIALS_DIRECTORY: v.optional(v.string()),
  BACKUP_DIR: v.optional(v.string()),
  EXTERNAL_DIR: v.optional(v.pipe(v.string(), v.minLength(1)), './external'),
  TZ: v.optional(v.string()),
  ROLLBACK_AFTER: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,6}$/, 'must be a number, 0 for never'), v.transform(Number)),
    '10',
  ),
})

function isNetwork(text: string): boolean {
  const [address = '', prefix = '0', ...more] = text.split('/')
  const most = v.is(Ipv4, address) ? 32 : v.is(Ipv6, address) ? 128 : -1
  return more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= most
}

/** Where systemd and Docker lay a credential of this name. */
const SECRET_KEY = 'home-console-key'
const DOCKER_SECRETS = '/run/secrets'

/** What no plugin and no child process has any business with. */
const TAKEN_OUT = ['ADMIN_TOKEN', 'NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const

const FOR_CHILDREN = ['PATH', 'HOME', 'LANG', 'TZ'] as const

/**
 * Reads the environment, and takes out of it what is the Core's alone, so that no plugin finds it there.
 *
 * @throws ConfigError naming each variable that is wrong, and what was expected
 */
export function readEnvironment(env: Record<string, string | undefined>, terminal: boolean): Config {
  // A variable that is set but empty (`PORT=` in a compose file) counts as not given.
  const given = Object.fromEntries(
    Object.keys(Environment.entries).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  )
  const { success, output, issues } = v.safeParse(Environment, given)
  if (!success) {
    throw new ConfigError(issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('\n'))
  }
  const ofPlugins = Object.entries(env).filter(([name]) => /^PLUGIN_[A-Z0-9_]*?__/.test(name))
  const external = ofExternal(env)
  const ofServices = Object.keys(env).filter((name) => EXTERNAL.test(name))
  for (const name of [...TAKEN_OUT, ...ofPlugins.map(([name]) => name), ...ofServices]) delete env[name]
  const watched = output.WATCHDOG_PID === undefined || output.WATCHDOG_PID === String(process.pid)
  return {
    host: output.HOST,
    port: output.PORT,
    dataDir: resolve(output.DATA_DIR),
    pluginsDirs: output.PLUGINS_DIR.map((folder) => resolve(folder)),
    logLevel: output.LOG_LEVEL,
    logFormat: output.LOG_FORMAT ?? (terminal ? 'pretty' : 'json'),
    adminToken: output.ADMIN_TOKEN ?? null,
    publicUrl: output.PUBLIC_URL ?? null,
    allowedHosts: output.ALLOWED_HOSTS.map((host) => host.toLowerCase()),
    trustedProxies: output.TRUSTED_PROXIES,
    blockedLoopMs: output.BLOCKED_LOOP_MS,
    runtimeDir: resolve(output.RUNTIME_DIRECTORY?.[0] ?? output.DATA_DIR),
    notify:
      output.NOTIFY_SOCKET === undefined
        ? null
        : {
            socket: output.NOTIFY_SOCKET,
            watchdogMs: watched && output.WATCHDOG_USEC ? output.WATCHDOG_USEC / 1_000 : null,
          },
    rollbackAfter: output.ROLLBACK_AFTER,
    secretKeyFile: secretKeyFile(output.SECRET_KEY_FILE, output.CREDENTIALS_DIRECTORY),
    backupDir: resolve(output.BACKUP_DIR ?? join(output.DATA_DIR, 'backups')),
    externalDir: resolve(output.EXTERNAL_DIR),
    external,
    timeZone: livesInUtc(output.TZ) ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone,
    childEnvironment: Object.fromEntries(
      FOR_CHILDREN.flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
    ),
    pluginEnvironment: Object.fromEntries(
      ofPlugins.flatMap(([name, value]) => (value ? [[name, value]] : [])),
    ),
  }
}

/** `EXTERNAL_CLIENT_MANAGER__URL` is of the service `client-manager`. */
const EXTERNAL = /^EXTERNAL_([A-Z0-9_]+)__([A-Z0-9_]+)$/

const OfService = v.strictObject(
  {
    URL: v.optional(v.pipe(v.string(), v.regex(/^https?:\/\/[^/?#@\s]+\/?$/, 'must be an http(s) origin'))),
    CREDENTIAL: v.optional(secret),
    CREDENTIAL_FILE: v.optional(v.string()),
  },
  'is no variable of a service: URL, CREDENTIAL and CREDENTIAL_FILE are',
)

/** @throws ConfigError */
function ofExternal(env: Record<string, string | undefined>): Config['external'] {
  const services = new Map<string, Record<string, string>>()
  for (const [variable, value] of Object.entries(env)) {
    const [, name, key] = EXTERNAL.exec(variable) ?? []
    if (name === undefined || key === undefined || !value) continue
    services.set(name, { ...services.get(name), [key]: value })
  }
  return Object.fromEntries(
    Array.from(services, ([name, words]) => {
      const variable = (key: string) => `EXTERNAL_${name}__${key}`
      const file = words['CREDENTIAL_FILE']
      const read =
        file === undefined ? {} : { CREDENTIAL: textOf(file, variable('CREDENTIAL_FILE')), ...words }
      const { success, output, issues } = v.safeParse(OfService, { ...words, ...read })
      if (!success)
        throw new ConfigError(
          issues.map((issue) => `${variable(v.getDotPath(issue) ?? '')}: ${issue.message}`).join('\n'),
        )
      const { URL: url, CREDENTIAL: credential } = output
      const of = { ...(url !== undefined && { url }), ...(credential !== undefined && { credential }) }
      return [name.toLowerCase().replaceAll('_', '-'), of]
    }),
  )
}

/** Of a file that a variable names, without the line break at its end. @throws ConfigError */
function textOf(file: string, variable: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd()
  } catch (error) {
    throw new ConfigError(`${variable}: ${(error as Error).message}`)
  }
}

/** Whether it is UTC, told without Intl: that would load its tables of all zones, 5 MB which such a house never needs. */
function livesInUtc(zone: string | undefined): boolean {
  if (zone !== undefined) return /^(Etc\/)?UTC$/.test(zone)
  try {
    return /\/zoneinfo\/(Etc\/)?UTC$/.test(readlinkSync('/etc/localtime'))
  } catch {
    return false
  }
}

function secretKeyFile(given: string | undefined, credentials: string | undefined): string | null {
  if (given !== undefined) return resolve(given)
  const folders = [...(credentials === undefined ? [] : [credentials]), DOCKER_SECRETS]
  return folders.map((folder) => join(folder, SECRET_KEY)).find((file) => existsSync(file)) ?? null
}
