// Commands over HTTP: run one and wait, or not; read what it says while it runs; call it off; and what was run before.

import { createRoute, z } from '@hono/zod-openapi'
import { streamSSE } from 'hono/streaming'
import type { Command } from '../command-log.ts'
import { CommandRequest } from '../policy.ts'
import { Problem, problems } from '../problem.ts'
import type { Router, Service } from '../service.ts'
import { ClientId, CommandResult, commandShape, CommandShape, json } from './shapes.ts'

/** In s. */
const LONGEST = 300
/** Of each stream, in an answer that is not streamed, in characters. */
const MOST_IN_ANSWER = 1024 * 1024
/** Pieces that are read at once. */
const BATCH = 32
const HEARTBEAT_MS = 15_000

const ofClient = z.object({ client: ClientId })
const ofCommand = z.object({ id: z.uuid() })
const unknown = problems({ 404: 'No such command' })
const refusals = problems({
  403: 'The policy does not allow it',
  404: 'No such client, or no such command in the policy',
  409: 'The client is not connected',
  429: 'Too many run on this client',
})

const asked = {
  params: ofClient,
  query: z.object({
    timeout: z.coerce
      .number()
      .int()
      .min(1)
      .max(LONGEST)
      .default(30)
      .describe('After so long it is ended, in s'),
  }),
  body: { required: true, content: json(CommandRequest) },
}

const run = createRoute({
  method: 'post',
  path: '/api/commands/{client}',
  operationId: 'run',
  summary: 'Run a command on a client, and wait for its end',
  description: 'When the caller leaves, it goes on.',
  request: asked,
  responses: {
    200: { description: 'It has ended, well or not', content: json(CommandResult) },
    ...refusals,
    ...problems({ 408: 'It ran for too long, and was ended. `command_id` says which' }),
  },
})

const start = createRoute({
  method: 'post',
  path: '/api/commands/{client}/async',
  operationId: 'start',
  summary: 'Run a command on a client, and do not wait',
  request: asked,
  responses: { 202: { description: 'It runs', content: json(CommandShape) }, ...refusals },
})

const cancel = createRoute({
  method: 'post',
  path: '/api/commands/{client}/cancel',
  operationId: 'cancel',
  summary: 'Call a command off',
  description:
    'It and all that it started get SIGTERM, and SIGKILL after 3 s. Where the client is away, when it is back.',
  request: { params: ofClient, query: z.object({ command_id: z.uuid() }) },
  responses: {
    202: { description: 'Its agent is told', content: json(CommandShape) },
    ...unknown,
    ...problems({ 409: 'It has ended already' }),
  },
})

const listCommands = createRoute({
  method: 'get',
  path: '/api/commands/history',
  operationId: 'listCommands',
  summary: 'What was run',
  description: 'The last 1,000, and of their output the last 64 MiB.',
  request: {
    query: z.object({
      client_id: ClientId.optional(),
      limit: z.coerce.number().int().min(1).max(500).default(50),
      before: z.uuid().optional().describe('The id of one: those before it'),
    }),
  },
  responses: {
    200: {
      description: 'Newest first',
      content: json(z.object({ commands: z.array(CommandShape), next: z.string().nullable() })),
    },
  },
})

const getCommand = createRoute({
  method: 'get',
  path: '/api/commands/{id}',
  operationId: 'getCommand',
  summary: 'How a command is doing, or how it ended',
  request: { params: ofCommand },
  responses: { 200: { description: 'With what it has said', content: json(CommandResult) }, ...unknown },
})

const streamOutput = createRoute({
  method: 'get',
  path: '/api/commands/{id}/output',
  operationId: 'streamOutput',
  summary: 'What a command says, from its first word, while it runs',
  description:
    'Server-sent events: `output` with `{stream, data}`, then one `finished` with the command. Resumes after `Last-Event-ID`.',
  request: { params: ofCommand },
  responses: {
    200: { description: 'The events', content: { 'text/event-stream': { schema: z.string() } } },
    ...unknown,
  },
})

const deleteCommand = createRoute({
  method: 'delete',
  path: '/api/commands/{id}',
  operationId: 'deleteCommand',
  summary: 'Forget a command that has ended',
  request: { params: ofCommand },
  responses: { 204: { description: 'It is forgotten' }, ...unknown, ...problems({ 409: 'It runs' }) },
})

export function commandRoutes(router: Router, { clients, commandLog, commands, policy }: Service): void {
  const begin = (client: string, request: CommandRequest, by: string, timeout: number) => {
    if (clients.get(client)?.standing !== 'approved')
      throw new Problem(404, 'no_such_client', `There is no client "${client}".`)
    return commands.start(client, policy.allow(request, client), by, timeout)
  }

  const known = (id: string) => {
    const command = commandLog.get(id)
    if (command === null) throw new Problem(404, 'no_such_command', `There is no command "${id}".`)
    return command
  }

  router.openapi(run, async (c) => {
    const { timeout } = c.req.valid('query')
    const { id } = begin(c.req.valid('param').client, c.req.valid('json'), c.var.caller, timeout)
    const command = await commands.end(id)
    if (command.status === 'timed_out')
      throw new Problem(408, 'timed_out', command.error ?? 'It ran for too long.', { command_id: id })
    return c.json({ ...commandShape(command), result: said(command) }, 200)
  })

  router.openapi(start, (c) => {
    const { timeout } = c.req.valid('query')
    const command = begin(c.req.valid('param').client, c.req.valid('json'), c.var.caller, timeout)
    return c.json(commandShape(command), 202)
  })

  router.openapi(cancel, (c) => {
    const command = known(c.req.valid('query').command_id)
    if (command.client_id !== c.req.valid('param').client)
      throw new Problem(404, 'no_such_command', 'It runs on another client.')
    if (command.status !== 'running') throw new Problem(409, 'has_ended', `It has ended: ${command.status}.`)
    commands.cancel(command, c.var.caller)
    return c.json(commandShape(known(command.id)), 202)
  })

  router.openapi(listCommands, (c) => {
    const { client_id: clientId, before, limit } = c.req.valid('query')
    const found = commandLog.list({
      limit: limit + 1,
      ...(clientId !== undefined && { clientId }),
      ...(before !== undefined && { before }),
    })
    const more = found.length > limit
    if (more) found.pop()
    return c.json({ commands: found.map(commandShape), next: more ? found.at(-1)!.id : null }, 200)
  })

  router.openapi(getCommand, (c) => {
    const command = known(c.req.valid('param').id)
    return c.json({ ...commandShape(command), result: said(command) }, 200)
  })

  router.openapi(streamOutput, (c) => {
    const { id } = known(c.req.valid('param').id)
    const last = Number(c.req.header('Last-Event-ID') ?? 0)
    return streamSSE(c, async (stream) => {
      const gone = new AbortController()
      stream.onAbort(() => gone.abort())
      const heartbeat = setInterval(() => void stream.write(': \n\n'), HEARTBEAT_MS)
      gone.signal.addEventListener('abort', () => clearInterval(heartbeat), { once: true })
      // Read from the log, so that a slow reader costs no memory, and misses nothing.
      for (let seq = Number.isInteger(last) ? last : 0; !gone.signal.aborted;) {
        const command = commandLog.get(id)
        if (command === null) break
        const pieces = commandLog.output(command, seq, BATCH)
        for (const { seq: number, ...piece } of pieces) {
          await stream.writeSSE({ id: `${number}`, event: 'output', data: JSON.stringify(piece) })
          seq = number
        }
        if (pieces.length > 0) continue
        if (command.status !== 'running') {
          await stream.writeSSE({ event: 'finished', data: JSON.stringify(commandShape(command)) })
          break
        }
        await commands.change(id, gone.signal)
      }
      gone.abort()
    })
  })

  router.openapi(deleteCommand, (c) => {
    const { id, status } = known(c.req.valid('param').id)
    if (status === 'running') throw new Problem(409, 'runs', 'It runs. Call it off first.')
    commandLog.delete(id)
    return c.body(null, 204)
  })

  const said = (command: Command) => {
    const result = { stdout: '', stderr: '', complete: !command.truncated }
    for (let seq = 0; ;) {
      const pieces = commandLog.output(command, seq, BATCH)
      if (pieces.length === 0) return result
      for (const { stream, data } of pieces) {
        const room = MOST_IN_ANSWER - result[stream].length
        result[stream] += data.slice(0, room)
        if (data.length > room) result.complete = false
      }
      seq = pieces.at(-1)!.seq
    }
  }
}
