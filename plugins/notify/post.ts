// One delivery: a POST as ntfy takes it, and what its answer means. https://docs.ntfy.sh/publish/

import type { Message } from './contract.ts'
import type { Target } from './targets.ts'

const TIMEOUT_MS = 10_000
const LONGEST_WAIT_MS = 3_600_000

export type Outcome =
  | { readonly kind: 'delivered' }
  /** It may be tried again; not before `waitMs`, where the target says so. */
  | { readonly kind: 'later'; readonly reason: string; readonly waitMs: number }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Never rejects.
 * @param signal aborts when there is no more time to wait for the answer
 */
export async function post(
  target: Target,
  id: string,
  message: Message,
  signal: AbortSignal,
): Promise<Outcome> {
  let response: Response
  try {
    response = await fetch(target.url, {
      method: 'POST',
      headers: headersOf(target, id, message),
      body: message.message,
      // An owner named this address and no other: the token and the message go nowhere else.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
  } catch (error) {
    return { kind: 'later', reason: (error as Error).message, waitMs: 0 }
  }
  // Nobody reads what it says; what counts is how it began.
  await response.body?.cancel().catch(() => {})
  const { ok, status } = response
  if (ok) return { kind: 'delivered' }
  const reason = `it answered ${status}`
  if (status === 429 || status >= 500)
    return { kind: 'later', reason, waitMs: waitOf(response.headers.get('Retry-After')) }
  if (status >= 300 && status < 400)
    return { kind: 'refused', reason: `${reason}, which leads elsewhere: name the address that it leads to` }
  return { kind: 'refused', reason }
}

function headersOf(
  { token }: Target,
  id: string,
  { title, priority, tags, url }: Message,
): Record<string, string> {
  return {
    Title: headerText(title),
    Priority: priority,
    // For those who want to know whether they have seen it: what failed may have arrived all the same.
    'Idempotency-Key': id,
    ...(tags.length > 0 && { Tags: tags.join(',') }),
    ...(url !== undefined && { Click: new URL(url).href }),
    ...(token !== null && { Authorization: `Bearer ${token}` }),
  }
}

/** A word of RFC 2047 takes 75 characters: 45 bytes in Base64, and what stands around them. */
const WORD_BYTES = 45

/** Any text as a header, which may hold printable ASCII only: anything else is encoded as RFC 2047 has it. */
export function headerText(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes('=?')) return text
  const words = ['']
  for (const character of text) {
    if (Buffer.byteLength(words.at(-1)! + character) > WORD_BYTES) words.push('')
    words[words.length - 1] += character
  }
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ')
}

/** `Retry-After` in ms: it is a number of seconds or a date. */
function waitOf(header: string | null): number {
  if (header === null) return 0
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS)
}
