// What the routes give and take, in the words that agents and the first Home Console use.

import { z } from '@hono/zod-openapi'
import type { KnownClient } from '../clients.ts'
import { type Command, STATUSES } from '../command-log.ts'
import type { Link } from '../link.ts'

export const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } })

const facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
const moment = z.iso.datetime()

export const ClientId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .describe('The fingerprint of its key')

const About = z.object({
  hostname: z.string(),
  device_type: z.string(),
  os_info: facts,
  capabilities: z.array(z.string()),
  tags: z.array(z.string()),
  location: z.string().nullable(),
  metadata: facts,
})

export const Client = About.extend({
  id: ClientId,
  status: z.enum(['connected', 'disconnected']),
  ip: z.string().nullable(),
  connected_at: moment.nullable(),
  last_heartbeat: moment.nullable(),
  approved_by: z.string().nullable(),
}).openapi('Client')

export const Pending = z
  .object({
    client_id: ClientId,
    data: About,
    ip: z.string().nullable(),
    created_at: moment,
    expire_at: moment.nullable(),
    status: z.literal('pending'),
  })
  .openapi('PendingEnrollment')

export const CommandShape = z
  .object({
    command_id: z.uuid(),
    client_id: ClientId,
    name: z.string().nullable().describe("Of the policy's; null: it was a free one"),
    argv: z.array(z.string()),
    asked_by: z.string(),
    status: z.enum(STATUSES),
    success: z.boolean(),
    exit_code: z.number().int().nullable(),
    error: z.string().nullable(),
    cancelled_by: z.string().nullable(),
    timeout: z.number().describe('In s'),
    output_bytes: z.number().int(),
    truncated: z.boolean().describe('Whether there was more output than is kept'),
    timestamp: moment.describe('When it was asked for'),
    finished_at: moment.nullable(),
  })
  .openapi('Command')

export const CommandResult = CommandShape.extend({
  result: z
    .object({
      stdout: z.string(),
      stderr: z.string(),
      complete: z.boolean().describe('Whether that is all; else read its output'),
    })
    .describe('What it has said so far'),
}).openapi('CommandResult')

export function clientShape(client: KnownClient, link: Link | undefined): z.infer<typeof Client> {
  return {
    id: client.id,
    ...client.about,
    status: link?.trusted ? 'connected' : 'disconnected',
    ip: client.ip,
    connected_at: time(client.connectedAt),
    last_heartbeat: time(link?.trusted ? link.heardAt : client.lastHeartbeat),
    approved_by: client.decidedBy,
  }
}

export function pendingShape(client: KnownClient): z.infer<typeof Pending> {
  return {
    client_id: client.id,
    data: client.about,
    ip: client.ip,
    created_at: time(client.createdAt),
    expire_at: time(client.expiresAt),
    status: 'pending',
  }
}

export function commandShape(command: Command): z.infer<typeof CommandShape> {
  return {
    command_id: command.id,
    client_id: command.client_id,
    name: command.name,
    argv: [...command.argv],
    asked_by: command.asked_by,
    status: command.status,
    success: command.status === 'succeeded',
    exit_code: command.exit_code,
    error: command.error,
    cancelled_by: command.cancelled_by,
    timeout: command.timeout,
    output_bytes: command.bytes,
    truncated: command.truncated,
    timestamp: time(command.created_at),
    finished_at: time(command.finished_at),
  }
}

export function time(ms: number): string
export function time(ms: number | null): string | null
export function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
