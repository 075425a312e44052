// The watched side: gives signs of life while the event loop turns, and hears what its watcher saw.

import type { LogFormat } from '../log/output.ts'
import { BEAT_MS, BEATS, BLOCKED_MS, ENDED, LATE_MS, type Freed, type Watched } from './pulse.ts'
import { LAST, type KeptRecord } from './record.ts'

export interface LoopWatchOptions {
  readonly record: KeptRecord
  readonly logFormat: LogFormat
  /** How long the loop may be blocked before the process is ended, in ms. */
  readonly endAfterMs: number
  /** The loop was blocked, and is free again. */
  readonly onFreed: (freed: Freed) => void
}

/** @returns what ends the watch */
export function watchLoop({ record, logFormat, endAfterMs, onFreed }: LoopWatchOptions): () => void {
  const pulse = new Int32Array(new SharedArrayBuffer(16))
  let last = performance.now()
  const beating = setInterval(() => {
    const now = performance.now()
    // Kept until the next block: the watcher may come a beat later.
    if (now - last >= BLOCKED_MS) pulse[LATE_MS] = now - last
    last = now
    Atomics.add(pulse, BEATS, 1)
    // Who ran before this turn of the loop does not block the next.
    if (record.words[LAST] !== 0) record.words[LAST] = 0
  }, BEAT_MS).unref()

  const worker = new Worker(new URL('./loop-watcher.ts', import.meta.url), { smol: true, env: {} })
  worker.addEventListener('message', ({ data }: MessageEvent<Freed>) => onFreed(data))
  worker.postMessage({ pulse, record: record.file, logFormat, endAfterMs } satisfies Watched)
  worker.unref()

  return () => {
    clearInterval(beating)
    Atomics.store(pulse, ENDED, 1)
    Atomics.notify(pulse, ENDED)
    worker.terminate()
  }
}
