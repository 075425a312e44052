// What the watched loop and its watcher share, and what the one tells the other.

import type { LogFormat } from '../log/output.ts'
import type { Work } from './record.ts'

/** How often the loop gives a sign of life, and how often the watcher looks for it, in ms. */
export const BEAT_MS = 200
/** Without a sign for so long, the loop is blocked. */
export const BLOCKED_MS = 500

/** Words of the shared memory: signs of life so far; how late the last one was, in ms; whether there will be no more. */
export const BEATS = 0
export const LATE_MS = 1
export const ENDED = 2

/** What the watcher needs. */
export interface Watched {
  readonly pulse: Int32Array
  /** The file of the running record. */
  readonly record: string
  readonly logFormat: LogFormat
  /** How long the loop may be blocked before the process is ended, in ms. */
  readonly endAfterMs: number
}

/** Who blocks the loop, or most likely does. */
export interface Blocker {
  readonly work: Work | null
  /** `running`: it is inside. `loading`: it is one of those that are being loaded. `last`: it ran last. */
  readonly sure: 'running' | 'loading' | 'last' | null
}

/** The loop was blocked, and is free again. */
export interface Freed extends Blocker {
  /** For how long. */
  readonly ms: number
}

/** `request "/api/plugins/lamp/state"`. */
export function nameOf({ kind, label }: Work): string {
  return label === '' ? kind : `${kind} "${label}"`
}

/** The end of a sentence: who it was. */
export function whoIs({ work, sure }: Blocker): string {
  if (work === null) return 'no plugin was running.'
  if (sure === 'running') return `${work.plugin} was running ${nameOf(work)}.`
  if (sure === 'loading') return `${work.plugin} was being loaded (${work.label}).`
  return `nobody is known to have been running; ${work.plugin} ran last, ${nameOf(work)}.`
}
