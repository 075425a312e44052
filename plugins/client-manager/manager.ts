// The external service as this plugin asks it: its answers are checked, for they come from a process of its own.

import { type ExternalService, problem, z } from '@home-console/sdk'
import { type CommandOutcome, type CommandRequest, type KnownClient, Status } from './contract.ts'

const Client = z.object({
  id: z.string(),
  hostname: z.string(),
  status: z.string(),
  device_type: z.string(),
  tags: z.array(z.string()),
  location: z.string().nullable(),
  last_heartbeat: z.string().nullable(),
})

const Command = z.object({
  command_id: z.string(),
  client_id: z.string(),
  name: z.string().nullable(),
  argv: z.array(z.string()),
  asked_by: z.string(),
  status: Status,
  exit_code: z.number().int().nullable(),
  error: z.string().nullable(),
  timestamp: z.string(),
  finished_at: z.string().nullable(),
})
export type Command = z.infer<typeof Command>

const Result = Command.extend({
  result: z.object({ stdout: z.string(), stderr: z.string(), complete: z.boolean() }),
})
export type Result = z.infer<typeof Result>

const Refusal = z.object({ code: z.string(), detail: z.string(), command_id: z.string().optional() })

/** As many as are asked for at once. */
const PAGE = 100

export class Manager {
  readonly #external: ExternalService

  constructor(external: ExternalService) {
    this.#external = external
  }

  async clients(): Promise<KnownClient[]> {
    const { clients } = await this.#ask('/api/clients', z.object({ clients: z.array(Client) }))
    return clients.map(({ status, device_type, last_heartbeat, ...client }) => ({
      ...client,
      connected: status === 'connected',
      deviceType: device_type,
      lastSeen: last_heartbeat,
    }))
  }

  /** The last ones, newest first. */
  async history(): Promise<Command[]> {
    const found = z.object({ commands: z.array(Command) })
    return (await this.#ask(`/api/commands/history?limit=${PAGE}`, found)).commands
  }

  /** Null where it is not known any more. */
  async command(id: string): Promise<Result | null> {
    return this.#ask(`/api/commands/${encodeURIComponent(id)}`, Result).catch((error: { code?: string }) => {
      if (error.code === 'no_such_command') return null
      throw error
    })
  }

  async execute(
    client: string,
    request: CommandRequest,
    { timeout = 30, source }: { timeout?: number; source?: string } = {},
  ): Promise<CommandOutcome> {
    const path = `/api/commands/${encodeURIComponent(client)}?timeout=${timeout}`
    const headers = {
      'Content-Type': 'application/json',
      ...(source !== undefined && { 'X-Source': source }),
    }
    const response = await this.#external.fetch(path, {
      method: 'POST',
      headers,
      body: JSON.stringify(request),
    })
    if (response.ok) return outcomeOf(await read(response, Result))
    const { code, detail, command_id: id } = await read(response, Refusal)
    // It ran for too long, and that too is an outcome.
    const command = response.status === 408 && id !== undefined ? await this.command(id) : null
    if (command !== null) return outcomeOf(command)
    throw problem(response.status, code, detail)
  }

  async #ask<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
    const response = await this.#external.fetch(path)
    if (response.ok) return read(response, schema)
    const { code, detail } = await read(response, Refusal)
    throw problem(response.status, code, detail)
  }
}

/** @throws Problem `odd_answer`: that it is there does not mean that it is well */
async function read<Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.infer<Schema>> {
  try {
    return schema.parse(await response.json())
  } catch (error) {
    throw problem(
      502,
      'odd_answer',
      `The client manager does not answer as it should: ${(error as Error).message}`,
    )
  }
}

function outcomeOf({ command_id: id, status, exit_code: exitCode, error, result }: Result): CommandOutcome {
  return { id, status, exitCode, error, ...result }
}
