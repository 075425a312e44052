// What the Core's answers look like, as far as the command line reads them.

export interface Problem {
  title?: string
  detail?: string
  code?: string
  errors?: { pointer?: string; detail?: string }[]
  reload?: Reload
}

export interface Health {
  status: string
  version: string
  /** In seconds. */
  uptime: number
  plugins: Record<string, number>
}

export interface Plugin {
  id: string
  version?: string | null
  kind: string
  state: string
  mode: string
  /** Those that the owner chooses from. */
  modes: string[]
  generation: number
  waitingFor?: { kind: string; name: string; message?: string }[]
  status?: { label: string; state: string; message?: string | null }[]
  /** Of the last attempt to load it; with `active`, an older version runs. */
  error?: Fault | null
  /** A kept version serves, and not the files on the disk. */
  pinned?: { digest: string; since: string } | null
}

export interface External {
  name: string
  version: string
  mode: string
  state: string
  url: string | null
  restarts: number
  /** Not `closed`: it is left alone for a while. */
  breaker: string
  adapter: string | null
  /** Why it is not up. */
  error: string | null
  /** Why its service.json is not in force. */
  fault: string | null
  /** What came of its OpenAPI document. */
  document?: { fault: string | null } | null
}

export interface PluginConfig {
  values: Record<string, unknown>
  schema: Schema
  /** By JSON pointer: whether it is set. */
  secrets: Record<string, boolean>
  /** By JSON pointer. */
  sources: Record<string, string>
}

/** JSON Schema, as far as it says what to send and what to show. */
export interface Schema {
  type?: string | string[]
  title?: string
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
}

export interface Reload {
  plugin: string
  generation: number
  outcome: string
  /** In ms. */
  phases?: Record<string, number>
  error?: Fault | null
  leaks?: { kind: string; label: string }[]
  changes?: Changes | null
  restored?: string | null
  dryRun?: boolean
}

export interface Changes {
  routes: Difference<{ method: string; path: string }>
  events: Difference<string>
  services: Difference<{ name: string; methods: string[] }>
  scopes: Difference<string>
}

export interface Difference<Of> {
  added: Of[]
  removed: Of[]
}

export interface Fault {
  code?: string
  message: string
  file?: string | null
  line?: number | null
  frame?: string | null
}

export interface LogLine {
  time: string
  level: string
  plugin?: string | null
  message: string
  fields?: Record<string, unknown>
}

export interface CloudEvent {
  time?: string
  type: string
  source: string
  subject?: string
  data?: unknown
}

export interface Backup {
  name: string
  bytes: number
  files: number
  leftOut: { path: string; reason: string }[]
}

export interface RestorePlan {
  id: string
  /** Of the Home Console that made it. */
  version: string
  madeAt: string
  files: number
  changes: { path: string; change: string }[]
}

export interface RestoreOutcome {
  last: { id: string; outcome: string; reason: string | null } | null
}
