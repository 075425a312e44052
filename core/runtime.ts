// The wiring: makes every organ once and passes it on by argument. The only room with a door to every other.

import { join } from 'node:path'
import * as zodOpenApi from '@hono/zod-openapi'
import manifest from '../package.json' with { type: 'json' }
import { endEventStreams } from './api/event-stream.ts'
import { Front } from './api/front.ts'
import { Backups } from './backup/backups.ts'
import { BackupRefused } from './backup/manifest.ts'
import { RestoreSwap } from './backup/swap.ts'
import { EventBus } from './bus/event-bus.ts'
import { realClock, settlesWithin, type Clock } from './clock.ts'
import type { Config } from './config.ts'
import { readBackupSettings, writeBackupSettings } from './db/backup-settings.ts'
import type { DataFolder } from './db/data-folder.ts'
import { HomeSettings } from './db/home.ts'
import { PluginDatabases } from './db/plugin-databases.ts'
import { Wishes } from './db/wishes.ts'
import { ExternalServices } from './external/external-services.ts'
import { coreProblem } from './http/answers/problems.ts'
import { installMarkedResponse } from './http/answers/response-body.ts'
import { App } from './http/app.ts'
import { AdminToken, storedAdminToken } from './http/door/admin-token.ts'
import { externalCaller } from './http/door/external-caller.ts'
import { Hosts } from './http/door/hosts.ts'
import { RequestOrigins } from './http/door/request-origins.ts'
import { DeclaringRouter } from './http/routing/plugin-router.ts'
import { keepSchemasWeakly } from './http/routing/schema-registry.ts'
import { listen, type RunningServer } from './http/server.ts'
import { leave, leaveHandling } from './loader/border/border.ts'
import { guardProcess } from './loader/border/process-guard.ts'
import { installSharedPackages } from './loader/border/shared-packages.ts'
import { messageOf } from './loader/fault.ts'
import { atTimes, lastDue } from './loader/generation/schedule.ts'
import { PluginLoader } from './loader/plugin-loader.ts'
import { VersionStore } from './loader/versions/versions.ts'
import { Log } from './log/log.ts'
import { writeToStdout } from './log/output.ts'
import { Proxy } from './proxy/proxy.ts'
import type { ExternalShare } from './runtime-external.ts'
import { tellOfBlock, tellOfExternal } from './runtime-news.ts'
import { openData, passesTrial } from './runtime-restore.ts'
import { Keyring } from './secrets/keyring.ts'
import { sealWith, unsealWith } from './secrets/passphrase.ts'
import { ServiceRegistry } from './services/service-registry.ts'
import { Settings } from './settings/settings.ts'
import { Crashes, PROVEN_MS } from './vigil/crashes.ts'
import { watchLoop } from './vigil/loop-watch.ts'
import { KeptRecord } from './vigil/record.ts'
import { ServiceManager } from './vigil/service-manager.ts'

/** How long what is under way may take to finish at a stop, in ms. */
const STOP_MS = 10_000

export interface RuntimeOptions {
  readonly config: Config
  /** Stand for the platform's own; for tests. `globals` are those that plugins see, by name. */
  readonly clock?: Clock
  /** Stops this one and starts another with the same config; without it, what wants that waits for the next start. */
  readonly restart?: (reason: string) => void
  readonly globals?: Readonly<Record<string, unknown>>
  readonly write?: ConstructorParameters<typeof Log>[0]['write']
}

export class Runtime {
  readonly log: Log
  readonly bus: EventBus
  readonly services = new ServiceRegistry({ leave: leaveHandling, problem: coreProblem })
  readonly app: App
  readonly loader: PluginLoader
  readonly home: HomeSettings
  readonly backups: Backups
  readonly external: ExternalServices
  readonly proxy: Proxy
  /** The token with all rights. */
  readonly adminToken: string
  /** Where the token was written, when this start made it. */
  readonly newTokenFile: string | null
  readonly #config: Config
  readonly #folder: DataFolder
  readonly #restore: RestoreSwap
  readonly #restart: (reason: string) => void
  readonly #closeDatabase: () => void
  readonly #databases: PluginDatabases
  readonly #running: KeptRecord
  readonly #crashes: Crashes
  readonly #manager: ServiceManager
  readonly #origins: RequestOrigins
  #share: ExternalShare | undefined
  #unwatch = () => {}
  #proving: Timer | undefined
  #server: RunningServer | undefined
  #stopping: Promise<void> | undefined

  /** @throws StartRefusal when the data folder or the database cannot be used */
  constructor({ config, restart = () => {}, clock = realClock, globals, write }: RuntimeOptions) {
    installMarkedResponse()
    keepSchemasWeakly()
    guardProcess()
    installSharedPackages({
      // A plugin's own `new OpenAPIHono()` binds what it declares like the one that `ctx.router()` gives.
      '@hono/zod-openapi': { ...zodOpenApi, OpenAPIHono: DeclaringRouter },
    })
    this.#config = config
    this.log = new Log({ level: config.logLevel, write: write ?? writeToStdout(config.logFormat) })
    this.#restart = restart
    this.#restore = new RestoreSwap(config.dataDir, config.pluginsDirs)
    const { folder, db, close } = openData(config.dataDir, this.#restore, this.log)
    this.#folder = folder
    this.#closeDatabase = close
    const stored = config.adminToken === null ? storedAdminToken(config.dataDir) : null
    this.adminToken = config.adminToken ?? stored!.token
    this.newTokenFile = stored?.made ? stored.file : null
    this.log.mask(this.adminToken)
    this.#running = KeptRecord.open(join(config.runtimeDir, 'running'))
    this.#crashes = new Crashes(db, this.#running.before, Date.now(), ({ message }) =>
      this.log.of(null).error(`Who is charged with the last crash is not kept: ${message}`),
    )
    for (const { plugin, message } of this.#crashes.news) this.log.of(plugin).error(message)
    this.#manager = new ServiceManager(config.notify, (reason) =>
      this.log.of(null).warn(`systemd cannot be told how it goes: ${reason}.`),
    )
    this.home = new HomeSettings(db, config.timeZone)
    const timeZone = () => this.home.values.timeZone
    this.bus = new EventBus({
      now: () => clock.now(),
      onDropped: (source, type, reason) => {
        const error = `The event "${type}" of ${source} was dropped: ${reason}`
        const plugin = pluginOf(source)
        if (plugin === null) this.log.of(null).error(error)
        else this.loader.charge({ plugin, error, where: `emit "${type}"`, files: new Set() })
      },
      onSubscriberFailed: (error, event) =>
        this.log.of(null).error(`A subscriber of "${event.type}" failed: ${messageOf(error)}`, { error }),
    })
    const token = new AdminToken(this.adminToken)
    this.app = new App({
      hosts: new Hosts(config),
      authenticate: (authorization) =>
        token.authenticate(authorization) ??
        externalCaller(authorization, (credential) => this.external.whoProves(credential)),
      info: {
        title: 'Home Console',
        version: manifest.version,
        description: 'The Core, every plugin and every adapter of this house.',
      },
    })
    const secrets = new Keyring({
      file: config.secretKeyFile ?? join(config.dataDir, 'secret.key'),
      mayMake: config.secretKeyFile === null,
    })
    const filesDir = join(config.dataDir, 'files')
    this.#databases = new PluginDatabases({
      dir: join(config.dataDir, 'plugins'),
      clock,
      leave,
      secrets,
      problem: coreProblem,
      warn: (plugin, message) => this.log.of(plugin).warn(message),
    })
    this.external = new ExternalServices({
      dir: config.externalDir,
      dataDir: join(config.dataDir, 'external'),
      childrenDir: join(config.runtimeDir, 'children'),
      homeUrl: () => this.#urlFromHere,
      environment: config.childEnvironment,
      given: config.external,
      logOf: (plugin) => this.log.of(plugin),
      mask: (secret) => this.log.mask(secret),
      tell: (news) => {
        if (news.state !== 'stopped') void this.#shareWith(news.name, clock)
        tellOfExternal(this, news)
      },
    })
    this.#origins = new RequestOrigins({
      publicUrl: config.publicUrl,
      peerOf: (request) => this.#server?.addressOf(request) ?? null,
    })
    this.proxy = new Proxy({
      problem: coreProblem,
      asCore: leave,
      origins: this.#origins,
    })
    this.loader = new PluginLoader({
      folders: config.pluginsDirs,
      organs: {
        app: this.app,
        bus: this.bus,
        services: this.services,
        log: this.log,
        clock,
        home: this.home,
        wishes: new Wishes(db),
        secrets,
        settings: new Settings({
          folder: join(config.dataDir, 'config'),
          environment: config.pluginEnvironment,
          sealer: secrets,
          mask: (secret) => this.log.mask(secret),
        }),
        databases: this.#databases,
        external: this.external,
        describeExternal: (service, part, id, mount) =>
          this.#share?.describe(service, part, id, mount) ?? part,
        proxy: this.proxy,
        running: this.#running,
        crashes: this.#crashes,
        versions: new VersionStore({
          dir: join(config.dataDir, 'versions'),
          clock,
          onError: (error) =>
            this.log
              .of(null)
              .error(`A version is not kept, and cannot be gone back to: ${messageOf(error)}`, { error }),
        }),
        rollbackAfter: config.rollbackAfter,
        filesDir,
        globals,
      },
    })
    this.backups = new Backups({
      dataDir: config.dataDir,
      folder: config.backupDir,
      pluginsDirs: config.pluginsDirs,
      version: manifest.version,
      now: () => clock.now(),
      timeZone,
      settings: {
        read: () => readBackupSettings(db),
        write: (settings) => writeBackupSettings(db, settings),
      },
      every: (cron, run) => atTimes(cron, run, { clock, timeZone }),
      lastDue: (cron) => lastDue(cron, timeZone(), clock.now()),
      after: (ms, run) => clock.after(ms, run),
      sealKey: async (passphrase) => sealWith(passphrase, secrets.export()),
      unsealKey: async (passphrase, sealed) => {
        if (config.secretKeyFile !== null)
          throw new BackupRefused(
            `The key for secrets is yours to keep, in ${config.secretKeyFile}: put it there and leave the passphrase out.`,
          )
        return unsealWith(passphrase, sealed)
      },
      swap: this.#restore,
      guard: async () => (await import('./child-guard.ts')).guardCommand(),
      active: () => this.loader.list().flatMap(({ id, state }) => (state === 'active' ? [id] : [])),
      log: this.log.of(null),
    })
    const front = new Front({
      loader: this.loader,
      bus: this.bus,
      services: this.services,
      external: this.external,
      proxy: this.proxy,
      log: this.log,
      databases: this.#databases,
      filesDir,
      home: this.home,
      app: this.app,
      backups: this.backups,
      restart,
      version: manifest.version,
      startedAt: Date.now(),
      startedMs: performance.now(),
    })
    this.app.setCore({ mount: front })
  }

  /** Where the Core listens. */
  get url(): URL {
    return this.#server!.url
  }

  /**
   * Listens, then loads the plugins: the house answers before its slowest plugin does.
   *
   * @returns whether it is up; false where it takes back what it was to try, and is started anew for that
   * @throws Error when the port is taken
   */
  async start(): Promise<boolean> {
    const { host, port, blockedLoopMs, logFormat } = this.#config
    if (blockedLoopMs > 0) {
      this.#unwatch = watchLoop({
        record: this.#running,
        logFormat,
        endAfterMs: blockedLoopMs,
        onFreed: (freed) => tellOfBlock(this, freed),
      })
    }
    await this.#origins.believe(this.#config.trustedProxies)
    this.#server = listen(this.app, {
      host,
      port,
      onError: (error) => this.log.of(null).error(`A request failed: ${messageOf(error)}`, { error }),
    })
    await this.backups.start()
    this.#folder.sign(this.url.href)
    await this.loader.start()
    await this.loader.watching()
    if (this.#restore.onTrial && !passesTrial(this.#restore, this.loader, this.log)) {
      this.#restart('a backup is taken back')
      return false
    }
    this.bus.emit({ type: 'core.started', source: '/core', data: { version: manifest.version } })
    const { active, failed } = this.loader.count()
    this.#manager.ready(`${active} plugins${failed > 0 ? `, ${failed} failed` : ''}, ${this.url.href}`)
    this.#proving = setTimeout(() => this.#crashes.prove(), PROVEN_MS).unref()
    return true
  }

  /**
   * Clients leave, plugins drain and close, the database closes. Calling it again waits for the first.
   *
   * @param again the process goes on, with another runtime
   */
  stop(reason: string, { again = false } = {}): Promise<void> {
    this.#stopping ??= this.#stop(reason, again)
    return this.#stopping
  }

  async #stop(reason: string, again: boolean): Promise<void> {
    this.log.of(null).info(`Stopping: ${reason}.`)
    // To systemd it would be a farewell.
    if (!again) this.#manager.stopping()
    this.bus.emit({ type: 'core.stopping', source: '/core', data: { reason } })
    endEventStreams()
    this.backups.stop()
    // The plugins go when the port is closed: until then they answer.
    const unload = async () => {
      if (await settlesWithin(this.loader.stop(), STOP_MS)) return
      this.log
        .of(null)
        .warn(`Not every plugin came to its end within ${STOP_MS} ms. What is left is ended by force.`)
      this.loader.endByForce()
    }
    await (this.#server?.stop(STOP_MS, unload) ?? unload())
    // After the plugins: until their last goodbye they may call them.
    this.#share?.stop()
    await this.external.stop()
    clearTimeout(this.#proving)
    this.#unwatch()
    this.#manager.stopped()
    this.#databases.close()
    this.#closeDatabase()
    this.#running.stopped()
    this.#folder.release()
  }

  /** For a process on this machine. */
  get #urlFromHere(): string {
    const { port, hostname, origin } = this.url
    return /^(0\.0\.0\.0|\[::\])$/.test(hostname) ? `http://127.0.0.1:${port}` : origin
  }

  /** A house without external services never loads what they share in. */
  async #shareWith(name: string, clock: Clock): Promise<void> {
    const { ExternalShare } = await import('./runtime-external.ts')
    if (this.#stopping !== undefined) return
    this.#share ??= new ExternalShare({ app: this.app, bus: this.bus, clock, log: this.log })
    const service = this.external.find(name)
    if (service !== undefined) this.#share.take(service)
  }
}

function pluginOf(source: string): string | null {
  return /^\/plugins\/(.+)$/.exec(source)?.[1] ?? null
}
