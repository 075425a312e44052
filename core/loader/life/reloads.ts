// The records of what became of each attempt to load, swap or unload a plugin: the last ones, newest first.

import type { Reload, ReloadCause } from '@home-console/sdk'

const KEEP = 100

let count = 0
const prefix = Date.now().toString(36)

export function newReload(
  plugin: string,
  generation: number,
  cause: { kind: ReloadCause; files: string[] },
): Reload {
  return {
    id: `${prefix}-${(++count).toString(36)}`,
    plugin,
    generation,
    cause,
    startedAt: new Date().toISOString(),
    phases: { settle: 0, import: 0, stage: 0, commit: 0, drain: 0, close: 0 },
    outcome: 'failed',
    error: null,
    leaks: [],
    changes: null,
    restored: null,
  }
}

export class Reloads {
  readonly #records: Reload[] = []

  add(record: Reload): void {
    this.#records.unshift(record)
    if (this.#records.length > KEEP) this.#records.length = KEEP
  }

  get last(): Reload | null {
    return this.#records[0] ?? null
  }

  /** Newest first, from the one after `before` on. */
  list(limit: number, before?: string): Reload[] {
    const start = before === undefined ? 0 : this.#records.findIndex(({ id }) => id === before) + 1
    return before !== undefined && start === 0 ? [] : this.#records.slice(start, start + limit)
  }
}

/** Measures a phase into the record, whether it goes well or not. In ms, to the microsecond. Synchronous if `run` is. */
export function timed<T>(record: Reload, phase: keyof Reload['phases'], run: () => T): T {
  const started = performance.now()
  const note = () => void (record.phases[phase] += Math.round((performance.now() - started) * 1_000) / 1_000)
  let result: T
  try {
    result = run()
  } catch (error) {
    note()
    throw error
  }
  if (result instanceof Promise) return result.finally(note) as T
  note()
  return result
}
