// What the control plane says over HTTP, in zod: the shapes that stand in the OpenAPI document.

import { z } from '@home-console/sdk'
import { WATCHED_MS } from '../loader/life/burst.ts'

export const MODES = ['in_process', 'embedded', 'microservice'] as const
export const EXTERNAL_STATES = ['stopped', 'starting', 'up', 'down', 'given_up', 'incompatible'] as const

const time = z.string().openapi({ format: 'date-time', description: 'RFC 3339 in UTC.' })
const ms = z.number().openapi({ description: 'Milliseconds.' })

export const Hold = z.object({ kind: z.string(), label: z.string() }).openapi('Hold')

export const Fault = z
  .object({
    code: z.string(),
    message: z.string(),
    file: z.string().optional(),
    line: z.number().int().optional().openapi({ description: '1-based.' }),
    frame: z.string().optional().openapi({ description: 'The source around the line.' }),
  })
  .openapi('Fault')

const difference = <Of extends z.ZodType>(of: Of) => z.object({ added: z.array(of), removed: z.array(of) })

export const Changes = z
  .object({
    routes: difference(z.object({ method: z.string(), path: z.string() })),
    events: difference(z.string()).openapi({ description: 'Types of the events that it declares.' }),
    services: difference(z.object({ name: z.string(), methods: z.array(z.string()) })).openapi({
      description: 'Each with the methods that come or go.',
    }),
    scopes: difference(z.string()),
  })
  .openapi('Changes', { description: 'What a new version of a plugin changes for others.' })

export const Reload = z
  .object({
    id: z.string(),
    plugin: z.string(),
    generation: z.number().int(),
    cause: z.object({
      kind: z.enum(['boot', 'file', 'api', 'config', 'dependency', 'mistakes']).openapi({
        description: '`mistakes`: too many right after a swap, so that the Core went back by itself.',
      }),
      files: z.array(z.string()),
    }),
    startedAt: time,
    phases: z.object({ settle: ms, import: ms, stage: ms, commit: ms, drain: ms, close: ms }),
    outcome: z.enum(['committed', 'kept_old', 'superseded', 'failed', 'unloaded']),
    error: Fault.nullable(),
    leaks: z.array(Hold),
    changes: Changes.or(z.null()).openapi({ description: 'Null where no version was staged.' }),
    restored: z.string().nullable().openapi({
      description: 'The digest of the kept version that it went back to; null for the files on the disk.',
    }),
    dryRun: z
      .literal(true)
      .optional()
      .openapi({ description: 'It was only tried: what served before goes on, whatever the outcome.' }),
  })
  .openapi('Reload', { description: 'The record of one attempt to load, swap or unload a plugin.' })

export const Plugin = z
  .object({
    id: z.string(),
    name: z.string(),
    version: z.string().nullable(),
    kind: z.enum(['plugin', 'system', 'adapter']),
    state: z.enum(['loading', 'active', 'waiting', 'failed', 'disabled', 'stopping']),
    mode: z.enum(MODES),
    modes: z.array(z.enum(MODES)).openapi({ description: 'Those that it can run in.' }),
    enabled: z.boolean(),
    generation: z.number().int().openapi({ description: 'Of what serves now; 0 where nothing does.' }),
    routes: z.array(z.object({ method: z.string(), path: z.string() })),
    requires: z.array(z.string()),
    provides: z.array(z.string()),
    waitingFor: z.array(z.object({ kind: z.string(), name: z.string(), message: z.string() })),
    status: z.array(
      z.object({
        label: z.string(),
        state: z.enum(['ok', 'degraded', 'down']),
        message: z.string().nullable(),
        since: time,
      }),
    ),
    holds: z.array(Hold),
    error: Fault.nullable(),
    lastReload: Reload.nullable(),
    database: z
      .object({
        bytes: z.number().int(),
        written: z.number().int(),
        queries: z.number().int(),
        slowQueries: z.number().int(),
      })
      .nullable()
      .openapi({ description: 'Of its own; null where it was not opened since the start.' }),
    pinned: z
      .object({ digest: z.string(), since: time })
      .nullable()
      .openapi({ description: 'A kept version serves, and not the files on the disk.' }),
    rollbackAfter: z
      .number()
      .int()
      .nullable()
      .openapi({
        description: `Mistakes within ${WATCHED_MS / 1_000} s of a swap after which the Core goes back by itself; 0 for never, null as ROLLBACK_AFTER says.`,
      }),
  })
  .openapi('Plugin')

export const External = z
  .object({
    name: z.string(),
    version: z.string(),
    description: z.string().nullable(),
    mode: z.enum(MODES),
    state: z.enum(EXTERNAL_STATES),
    url: z.string().nullable().openapi({ description: 'Where it is reached; null while it is not.' }),
    pid: z.number().int().nullable().openapi({ description: 'Of the child process.' }),
    restarts: z.number().int().openapi({ description: 'How often it was started again after it died.' }),
    since: time,
    adapter: z.string().nullable().openapi({ description: 'The plugin that stands for it.' }),
    error: z.string().nullable().openapi({ description: 'Why it is not up.' }),
    fault: z
      .string()
      .nullable()
      .openapi({ description: 'Why its service.json is refused; the one before is in force.' }),
    inFlight: z.number().int().openapi({ description: 'Calls under way.' }),
    breaker: z.enum(['closed', 'open', 'half_open']).openapi({
      description: 'Not closed: it failed so often in a row that it is left alone for a while.',
    }),
    incompatible: z
      .string()
      .nullable()
      .openapi({ description: 'Why it no longer has what its adapter uses.' }),
    document: z
      .object({ version: z.string().nullable(), fault: z.string().nullable() })
      .or(z.null())
      .openapi({
        description: 'What came of its OpenAPI document: the version that is shown, why another is not.',
      }),
  })
  .openapi('External', { description: 'A service in a process of its own.' })

export const PluginConfig = z
  .object({
    values: z
      .record(z.string(), z.unknown())
      .openapi({ description: 'What is in force, defaults included, secrets left out.' }),
    schema: z
      .record(z.string(), z.unknown())
      .openapi({ description: 'JSON Schema, draft 7; `writeOnly` marks a secret.' }),
    secrets: z
      .record(z.string(), z.boolean())
      .openapi({ description: 'By JSON pointer: whether the secret is set.' }),
    sources: z
      .record(z.string(), z.enum(['default', 'file', 'env']))
      .openapi({ description: 'By JSON pointer: who said so.' }),
  })
  .openapi('PluginConfig')

export const Service = z
  .object({
    name: z.string(),
    provider: z
      .object({ plugin: z.string(), generation: z.number().int() })
      .nullable()
      .openapi({ description: 'What serves now; null where nobody does.' }),
    methods: z.array(z.string()).openapi({ description: 'That the provider offers.' }),
    users: z.array(
      z.object({
        plugin: z.string(),
        generation: z.number().int(),
        required: z.boolean().openapi({ description: 'Whether the plugin says that it needs the service.' }),
        methods: z.array(z.string()).openapi({ description: 'That it called since it was loaded.' }),
      }),
    ),
    calls: z.number().int().openapi({ description: 'Since the start.' }),
    failed: z.number().int(),
  })
  .openapi('Service', { description: 'A name under which one plugin offers methods to others.' })

export const CloudEventBody = z
  .object({
    specversion: z.literal('1.0'),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    time,
    subject: z.string().optional(),
    causationid: z.string().optional(),
    data: z.unknown(),
  })
  .openapi('CloudEvent', { description: 'CloudEvents 1.0.' })

export const LogLine = z
  .object({
    id: z.number().int(),
    time,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    plugin: z.string().nullable(),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()),
  })
  .openapi('LogLine')

export const Home = z
  .object({
    timeZone: z.string().openapi({ example: 'Europe/Berlin' }),
    locale: z.string().openapi({ example: 'de-DE' }),
    latitude: z.number().min(-90).max(90).nullable(),
    longitude: z.number().min(-180).max(180).nullable(),
    units: z.enum(['metric', 'imperial']),
  })
  .openapi('Home')

export const Backup = z
  .object({ name: z.string(), madeAt: time, bytes: z.number().int() })
  .openapi('Backup', { description: 'A file in BACKUP_DIR.' })

export const LeftOut = z
  .object({ path: z.string(), reason: z.string() })
  .openapi('LeftOut', { description: 'What a backup is without: links, sockets, a damaged database.' })

export const NewBackup = Backup.extend({
  files: z.number().int().openapi({ description: 'How many are in it.' }),
  leftOut: z.array(LeftOut),
}).openapi('NewBackup')

export const RestorePlan = z
  .object({
    id: z.string(),
    backup: z.string(),
    version: z.string().openapi({ description: 'Of the Home Console that made it.' }),
    madeAt: time,
    files: z.number().int(),
    hasKey: z.boolean().openapi({ description: 'Whether the key for secrets is in it, under a passphrase.' }),
    changes: z.array(z.object({ path: z.string(), change: z.enum(['added', 'changed', 'removed']) })),
  })
  .openapi('RestorePlan')

export const RestoreOutcome = z
  .object({
    pending: z.boolean().openapi({ description: 'One is laid out, or on trial.' }),
    last: z
      .object({
        id: z.string(),
        backup: z.string(),
        at: time,
        outcome: z.enum(['restored', 'went_back']),
        reason: z.string().nullable().openapi({ description: 'Why the house went back.' }),
      })
      .nullable(),
  })
  .openapi('RestoreOutcome')

const kept = z.number().int().min(0).max(1_000)

export const BackupSettings = z
  .object({
    schedule: z
      .string()
      .nullable()
      .openapi({ description: 'A cron expression in the zone of the home; null for never.' }),
    keep: z
      .object({ daily: kept, weekly: kept, monthly: kept })
      .openapi({ description: 'The newest of so many days, weeks and months that have one.' }),
    code: z.boolean().openapi({ description: 'Whether the code of plugins is in those of the schedule.' }),
  })
  .openapi('BackupSettings')

export const PluginId = z.object({
  id: z.string().openapi({ param: { name: 'id', in: 'path' }, example: 'hello' }),
})

export const Page = (most: number, usual: number) => ({
  limit: z.coerce.number().int().min(1).max(most).default(usual),
})
