// Tells systemd how it goes (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html): started, stopping, alive.

import { FFIType, ptr } from 'bun:ffi'
import { openCLibrary } from './c-library.ts'

/** Where the manager listens, and how often it wants to hear. */
export interface NotifyTarget {
  /** A path, or a name that begins with `@`. */
  readonly socket: string
  /** Without a sign of life for so long it ends the process; null when it waits for none. */
  readonly watchdogMs: number | null
}

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2_000_000
/** Never waits and never raises a signal: a manager that does not listen is no reason to stand still. */
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x40_00
/** https://man7.org/linux/man-pages/man7/unix.7.html */
const MAX_PATH = 107

export class ServiceManager {
  readonly #send: (message: string) => void
  readonly #watchdogMs: number | null
  #beating: Timer | undefined

  /** @param onError told once, when it cannot be reached */
  constructor(target: NotifyTarget | null, onError: (reason: string) => void) {
    this.#watchdogMs = target?.watchdogMs ?? null
    this.#send = () => {}
    if (target === null) return
    try {
      this.#send = openSocket(target.socket)
    } catch (error) {
      onError(error instanceof Error ? error.message : String(error))
    }
  }

  /** @param status one line for `systemctl status` */
  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${status}`)
    if (this.#watchdogMs === null) return
    const alive = () => this.#send('WATCHDOG=1')
    alive()
    // From the loop itself: while it is blocked, the manager hears nothing.
    this.#beating = setInterval(alive, this.#watchdogMs / 2).unref()
  }

  stopping(): void {
    this.#send('STOPPING=1')
  }

  stopped(): void {
    clearInterval(this.#beating)
  }
}

/** Bun has no Unix datagrams, so the C library sends them. */
function openSocket(name: string): (message: string) => void {
  const symbols = openCLibrary({
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
  })
  const address = addressOf(name)
  const socket = symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (socket < 0) throw new Error('no socket could be made')
  return (message) => {
    const bytes = Buffer.from(message)
    symbols.sendto(socket, ptr(bytes), bytes.length, MSG_DONTWAIT_NOSIGNAL, ptr(address), address.length)
  }
}

/** A `struct sockaddr_un`; of an abstract name the first byte is 0. */
function addressOf(name: string): Uint8Array {
  const path = Buffer.from(name)
  if (!/^[@/]/.test(name) || path.length > MAX_PATH)
    throw new Error(`"${name}" is no address of a Unix socket`)
  if (name.startsWith('@')) path[0] = 0
  return Buffer.concat([new Uint8Array(new Uint16Array([AF_UNIX]).buffer), path])
}
