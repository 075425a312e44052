// The process's open descriptors, in words: what a plugin left open shows as the difference.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Hold } from '@home-console/sdk'

interface Descriptor {
  /** What the system says it is; another thing under the same number has another one. */
  readonly target: string
  /** In words; null for what is only the means of something else. */
  readonly hold: Hold | null
  /** Of a child process. */
  readonly pid?: number
}

const FOLDER = '/proc/self/fd'

/** What was open a moment before a plugin is ended, and what the system says of the sockets among it, by inode. */
export interface Glance {
  readonly targets: ReadonlyMap<string, string>
  readonly sockets: ReadonlyMap<string, Hold>
}

/**
 * By number; empty where the system does not tell.
 *
 * @param glance without it sockets have no names, and files count that others have open for a moment only
 */
export function openDescriptors(glance?: Glance): Map<string, Descriptor> {
  const descriptors = new Map<string, Descriptor>()
  for (const [number, target] of openTargets()) {
    if (glance !== undefined && glance.targets.get(number) !== target) continue
    try {
      descriptors.set(number, describe(number, target, glance?.sockets ?? new Map()))
    } catch {
      // Its process ended since it was listed.
    }
  }
  return descriptors
}

/** What was open before and is not now, without what only served a child process. */
export function closedSince(before: ReadonlyMap<string, Descriptor>): Hold[] {
  const now = openTargets()
  const closed = [...before].filter(([number, { target, pid }]) =>
    pid === undefined ? now.get(number) !== target : wasKilled(pid),
  )
  const children = closed.some(([, { pid }]) => pid !== undefined)
  return closed.flatMap(([, { hold }]) =>
    hold === null || (children && hold.label === UNIX_SOCKET) ? [] : [hold],
  )
}

const UNIX_SOCKET = 'unix socket'

function describe(number: string, target: string, sockets: ReadonlyMap<string, Hold>): Descriptor {
  if (target.startsWith('socket:')) {
    const inode = target.slice('socket:['.length, -1)
    return { target, hold: sockets.get(inode) ?? { kind: 'socket', label: UNIX_SOCKET } }
  }
  if (target === 'anon_inode:[pidfd]') {
    const pid = Number(/^Pid:\s*(-?\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'utf8'))?.[1])
    // One that had ended before, or was being ended, is not what a plugin left running.
    if (pid > 0 && !wasKilled(pid))
      return { target, pid, hold: { kind: 'child process', label: `${commandOf(pid)} (pid ${pid})` } }
  }
  return { target, hold: target.startsWith('/') ? { kind: 'file', label: target } : null }
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
}

const SIGKILL_BIT = 1n << 8n

/** Whether a child was told to end at once: the signal is on its way, or it is gone already. */
function wasKilled(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const pending = [...status.matchAll(/^(?:Sig|Shd)Pnd:\s*([0-9a-f]+)$/gm)]
    return (
      /^State:\s*[ZX]/m.test(status) || pending.some(([, mask]) => (BigInt(`0x${mask}`) & SIGKILL_BIT) !== 0n)
    )
  } catch {
    return true
  }
}

/** Those that wait for a glance. */
let waiting: ((glance: Glance) => void)[] = []
let isLooking = false

/**
 * Ends a plugin with a glance at what is open. One after the other, as the tables of sockets are files that the Core has open
 * while it reads them, and whoever compares descriptors meanwhile would take them for the plugin's. Those that came while
 * the tables were read share the next reading.
 */
export function atAGlance<T>(end: (glance: Glance) => T): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  waiting.push((glance) => {
    try {
      resolve(end(glance))
    } catch (error) {
      reject(error)
    }
  })
  if (!isLooking) void look()
  return promise
}

async function look(): Promise<void> {
  isLooking = true
  while (waiting.length > 0) {
    const ends = waiting
    waiting = []
    const targets = openTargets()
    const glance = { targets, sockets: await networkSockets() }
    for (const end of ends) {
      end(glance)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  isLooking = false
}

const LISTENING = '0A'
/** A line of a table; of the thousands that only wait to be forgotten (06) there is no descriptor. */
const SOCKET = /^ *\d+: (\S+) (\S+) (?!06)(\S\S) \S+ \S+ \S+ +\d+ +\d+ (\d+)/gm

/**
 * The sockets of the machine's network, by inode: a server by where it listens, a connection by its other end. Read aside,
 * as the tables of a busy machine take some ms.
 */
async function networkSockets(): Promise<Map<string, Hold>> {
  const sockets = new Map<string, Hold>()
  for (const table of ['tcp', 'tcp6', 'udp', 'udp6']) {
    let text: string
    try {
      text = await readFile(`/proc/self/net/${table}`, 'latin1')
    } catch {
      continue
    }
    for (const [, local, remote, state, inode] of text.matchAll(SOCKET)) {
      const connected = !remote!.endsWith(':0000')
      sockets.set(inode!, {
        kind: state === LISTENING ? 'server' : 'socket',
        label: addressOf(connected ? remote! : local!),
      })
    }
  }
  return sockets
}

/** `0100007F:2AF8` is 127.0.0.1:11000: words of four bytes, each in the byte order of the machine. */
function addressOf(text: string): string {
  const [hex = '', port = ''] = text.split(':')
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex').reverse()])
  const mapped = bytes.length === 16 && bytes.slice(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 255))
  if (bytes.length === 4 || mapped) return `${bytes.slice(-4).join('.')}:${Number.parseInt(port, 16)}`
  const groups = Array.from({ length: 8 }, (_, at) =>
    (bytes[at * 2]! * 256 + bytes[at * 2 + 1]!).toString(16),
  )
  return `${new URL(`http://[${groups.join(':')}]`).hostname}:${Number.parseInt(port, 16)}`
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** By number. */
function openTargets(): Map<string, string> {
  const targets = new Map<string, string>()
  for (const number of namesIn(FOLDER)) {
    try {
      targets.set(number, readlinkSync(`${FOLDER}/${number}`))
    } catch {
      // Closed since it was listed, such as the one that listed it.
    }
  }
  return targets
}
