// Requests to the Core: where it is, who asks, and what its refusals say.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BadUsage, Refused, Unreachable } from './failure.ts'
import type { Problem } from './shapes.ts'
import { problemInWords } from './words.ts'

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Blob
  readonly signal?: AbortSignal
  /** How long the answer may take, in ms; 0 for as long as it wants. */
  readonly timeout?: number
}

/** An answer of 2xx that is JSON: as text, for programs, and as what it says. */
export interface Answer<Body> {
  readonly text: string
  readonly body: Body
}

const TIMEOUT_MS = 30_000

/** The Core said no. */
export class RefusedByCore extends Refused {
  readonly status: number
  /** The problem details, as JSON. */
  readonly text: string

  constructor(status: number, problem: Problem, text: string) {
    super(problemInWords(status, problem))
    this.status = status
    this.text = text
  }
}

/**
 * Asks for JSON.
 *
 * @throws RefusedByCore, Unreachable
 */
export async function ask<Body>(path: string, asking: Asking = {}): Promise<Answer<Body>> {
  const response = await send(path, asking)
  const text = await textOf(response)
  const body: unknown = parse(text)
  if (body === undefined)
    throw new Unreachable(`What answers at ${coreUrl().origin} is not Home Console: no JSON.`)
  return { text, body: body as Body }
}

/**
 * Sends a request and gives an answer of 2xx, its body not yet read.
 *
 * @throws RefusedByCore, Unreachable
 */
export async function send(
  path: string,
  { timeout = TIMEOUT_MS, signal, ...asking }: Asking,
): Promise<Response> {
  const base = coreUrl()
  const token = tokenFor(base)
  const headers = new Headers(asking.headers)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  const signals = [signal, timeout > 0 ? AbortSignal.timeout(timeout) : undefined].filter(
    (one) => one !== undefined,
  )
  const response = await fetch(base.origin + base.pathname.replace(/\/$/, '') + path, {
    ...asking,
    headers,
    signal: AbortSignal.any(signals),
    // The token goes where it was meant to go and nowhere else.
    redirect: 'manual',
    ...(isHere(base) && { proxy: false }),
  }).catch((error: unknown) => {
    throw unreachable(error)
  })
  if (response.ok) return response
  const text = await textOf(response)
  const problem = parse(text)
  if (typeof problem === 'object' && problem !== null) throw new RefusedByCore(response.status, problem, text)
  // Somebody on the way, such as a proxy, that knows nothing of problem details.
  const substitute = { title: response.statusText || 'Refused', status: response.status }
  throw new RefusedByCore(response.status, substitute, JSON.stringify(substitute))
}

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (error) {
    throw unreachable(error)
  }
}

function unreachable(error: unknown): Unreachable {
  const reason = error instanceof Error ? String('code' in error ? error.code : error.message) : String(error)
  return new Unreachable(
    `No answer from Home Console at ${coreUrl().origin} (${reason}). Is it running? HC_URL, or HOST and PORT, say where it is.`,
  )
}

function coreUrl(): URL {
  const given = process.env.HC_URL || urlOfCoreHere()
  const url = URL.parse(given)
  if (!url || !/^https?:$/.test(url.protocol)) {
    const source = process.env.HC_URL ? 'HC_URL is' : 'HOST and PORT make'
    throw new BadUsage(`${source} "${given}", which is not an http or https address.`)
  }
  return url
}

/** Where a Core listens that was started with this environment. */
function urlOfCoreHere(): string {
  const host = process.env.HOST || '127.0.0.1'
  // To listen everywhere is an address only for those who listen.
  const reached = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${process.env.PORT || '11000'}`
}

/** HC_TOKEN, or the token that a Core on this machine left in its data folder. It is nobody else's business. */
function tokenFor(url: URL): string | undefined {
  if (process.env.HC_TOKEN) return process.env.HC_TOKEN
  if (!isHere(url)) return undefined
  try {
    return readFileSync(join(process.env.DATA_DIR || './data', 'admin-token'), 'utf8').trim() || undefined
  } catch {
    // None there, or not ours to read: the Core will say whether it wants one.
    return undefined
  }
}

function isHere({ hostname }: URL): boolean {
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
