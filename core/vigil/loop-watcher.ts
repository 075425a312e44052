// The worker that watches the event loop: says at once that it is blocked and by whom, and ends the process in the end.

import { readFileSync, writeSync } from 'node:fs'
import { FFIType } from 'bun:ffi'
import { formatLine } from '../log/output.ts'
import { openCLibrary } from './c-library.ts'
import {
  BEAT_MS,
  BEATS,
  BLOCKED_MS,
  ENDED,
  LATE_MS,
  whoIs,
  type Blocker,
  type Freed,
  type Watched,
} from './pulse.ts'
import { RunningRecord } from './record.ts'

declare const self: Worker

/** As a shell counts it. */
const EXIT_SIGALRM = 142

// What was needed to read this file is not needed again: a worker that sleeps should weigh nothing.
Bun.gc(true)
Bun.shrink()

self.addEventListener('message', ({ data }: MessageEvent<Watched>) => watch(data), { once: true })

/** Sleeps in the wait itself, and so costs no loop of its own. */
function watch({ pulse, record: file, logFormat, endAfterMs }: Watched): void {
  const record = new RunningRecord(file)
  let seen = -1
  /** For how long there was no sign of life while this thread itself was running: neither a clock that jumps nor a machine that sleeps counts. */
  let quietMs = 0
  let toEndMs = 0
  let blocker: Blocker | null = null
  let woke = performance.now()

  while (Atomics.wait(pulse, ENDED, 0, BEAT_MS) === 'timed-out') {
    const now = performance.now()
    const passed = Math.min(now - woke, 2 * BEAT_MS)
    woke = now
    const beats = Atomics.load(pulse, BEATS)
    if (beats !== seen) {
      seen = beats
      quietMs = toEndMs = 0
      if (blocker !== null) self.postMessage({ ...blocker, ms: Atomics.load(pulse, LATE_MS) } satisfies Freed)
      blocker = null
      continue
    }
    quietMs += passed
    if (quietMs < BLOCKED_MS) continue
    if (blocker === null) {
      blocker = blockerOf(record)
      say('warn', `The event loop has been blocked for ${Math.round(quietMs)} ms: ${whoIs(blocker)}`)
    }
    if (waitsForDisk()) continue
    toEndMs = Math.max(toEndMs, BLOCKED_MS - passed) + passed
    if (toEndMs >= endAfterMs) end()
  }

  function say(level: 'warn' | 'error', message: string): void {
    const { work = null, sure = null } = blocker ?? {}
    const fields = work === null ? {} : { blocker: { ...work, sure } }
    const line = {
      id: 0,
      time: new Date().toISOString(),
      level,
      plugin: work?.plugin ?? null,
      message,
      fields,
    }
    try {
      writeSync(1, `${formatLine(line, logFormat)}\n`)
    } catch {
      // Nowhere is left to say so.
    }
  }

  /** Neither `process.exit` here nor an exception there would end a loop that spins; and whoever caught the first signal does not catch the second. */
  function end(): void {
    if (record.blockedMs === 0) {
      record.blockedMs = Math.round(quietMs)
      say(
        'error',
        `The event loop was blocked for ${Math.round(quietMs)} ms. The process is ended: ${whoIs(blocker!)}`,
      )
      if (process.pid === 1) leave()
      process.kill(process.pid, 'SIGALRM')
    } else process.kill(process.pid, 'SIGKILL')
  }
}

/** Process 1 of a container gets no signal from inside that it does not handle, and nobody handles SIGKILL: exit_group(2). */
function leave(): void {
  openCLibrary({ _exit: { args: [FFIType.i32], returns: FFIType.void } })._exit(EXIT_SIGALRM)
}

function blockerOf({ inside, loading, last }: RunningRecord): Blocker {
  if (inside !== null) return { work: inside, sure: 'running' }
  if (loading.length > 0) return { work: loading[0]!, sure: 'loading' }
  return last === null ? { work: null, sure: null } : { work: last, sure: 'last' }
}

/** Whether the main thread is in an uninterruptible wait (proc_pid_stat(5)): a slow card is nobody's mistake. */
function waitsForDisk(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    return stat[stat.lastIndexOf(')') + 2] === 'D'
  } catch {
    return false
  }
}
