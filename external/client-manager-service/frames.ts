// What agents and the service say to each other: JSON texts of `{type, data}`, checked before anything is done with them.

import * as v from 'valibot'

/** In bytes: whoever sends a longer one is cut off. */
export const LONGEST_FRAME = 1024 * 1024

const word = (most: number) =>
  v.pipe(
    v.string(),
    v.maxLength(most),
    v.regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must hold no control characters'),
  )
const list = (most: number) => v.pipe(v.array(word(64)), v.maxLength(most))
const facts = v.pipe(
  v.record(word(64), v.union([word(256), v.number(), v.boolean()])),
  v.check((facts) => Object.keys(facts).length <= 32, 'must be 32 facts at most'),
)

/** What a computer says of itself. Nothing of it is believed: it is shown to people. */
export const About = v.object({
  hostname: v.pipe(word(253), v.nonEmpty()),
  device_type: v.optional(word(64), 'generic'),
  os_info: v.optional(facts, {}),
  capabilities: v.optional(list(32), []),
  tags: v.optional(list(32), []),
  location: v.optional(v.nullable(word(256)), null),
  metadata: v.optional(facts, {}),
})
export type About = v.InferOutput<typeof About>

const commandId = v.pipe(v.string(), v.uuid())
const base64url = (length: number) => v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/), v.length(length))

const frame = <const Type extends string, Entries extends v.ObjectEntries>(type: Type, entries: Entries) =>
  v.object({ type: v.literal(type), data: v.object(entries) })

const fromAgent = v.variant('type', [
  v.object({
    type: v.literal('register'),
    data: v.object({
      ...About.entries,
      /** Of Ed25519, as a JWK has it. The client's id is its fingerprint. */
      public_key: base64url(43),
      /** Over the challenge of this connection. */
      signature: base64url(86),
      enrollment_token: v.optional(v.pipe(v.string(), v.maxLength(64))),
      /** Commands that run there, or whose result it has yet to deliver. */
      running: v.optional(v.pipe(v.array(commandId), v.maxLength(64)), []),
    }),
  }),
  frame('heartbeat', {}),
  frame('result_chunk', {
    command_id: commandId,
    /** Counts from 1, for both streams together. */
    seq: v.pipe(v.number(), v.integer(), v.minValue(1)),
    stream: v.picklist(['stdout', 'stderr']),
    data: v.pipe(v.string(), v.maxLength(64 * 1024)),
  }),
  frame('command_result', {
    command_id: commandId,
    success: v.boolean(),
    result: v.object({
      outcome: v.picklist(['exited', 'timed_out', 'cancelled', 'not_started']),
      exit_code: v.nullable(v.pipe(v.number(), v.integer())),
      signal: v.nullable(word(16)),
      truncated: v.boolean(),
    }),
    error: v.nullable(v.pipe(v.string(), v.maxLength(1_000))),
  }),
  frame('command_cancel_ack', { command_id: commandId }),
])

export type AgentFrame = v.InferOutput<typeof fromAgent>
export type Registration = Extract<AgentFrame, { type: 'register' }>['data']
export type Chunk = Extract<AgentFrame, { type: 'result_chunk' }>['data']
export type Result = Extract<AgentFrame, { type: 'command_result' }>['data']

/** What the service says, by type. */
export interface ServiceFrames {
  auth_challenge: { nonce: string }
  registration_success: {
    client_id: string
    trusted: boolean
    server_info: { name: string; version: string }
  }
  registration_error: {
    code: 'bad_signature' | 'bad_code' | 'rejected' | 'too_many_pending'
    message: string
  }
  heartbeat_ack: { timestamp: string }
  command_request: { command: readonly string[]; command_id: string; timeout: number }
  command_cancel: { command_id: string }
  result_chunk_ack: { command_id: string; seq: number }
  command_result_ack: { command_id: string }
}

/** Whoever says such a thing is cut off. */
export class FrameRefused extends Error {
  override readonly name = 'FrameRefused'
}

/** @throws FrameRefused that says what is wrong with it */
export function parseFrame(text: string): AgentFrame {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new FrameRefused('it is no JSON')
  }
  const { success, output, issues } = v.safeParse(fromAgent, json, { abortEarly: true })
  if (!success) throw new FrameRefused(`${v.getDotPath(issues[0]) ?? 'the frame'}: ${issues[0].message}`)
  return output
}
