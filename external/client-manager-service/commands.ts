// The life of a command: it is sent to an agent once and never again, what it says is kept, and it ends, whatever happens.

import type { Command, CommandLog, End } from './command-log.ts'
import { type Chunk, FrameRefused, type Result, type ServiceFrames } from './frames.ts'
import type { Herald } from './herald.ts'
import type { Allowed } from './policy.ts'
import { Problem } from './problem.ts'

/** The way to an agent, while it is connected. */
export interface Way {
  send<const Type extends keyof ServiceFrames>(type: Type, data: ServiceFrames[Type]): void
}

export interface CommandsOptions {
  readonly log: CommandLog
  readonly herald: Herald
  /** Null while there is none. */
  readonly wayTo: (client: string) => Way | null
  /** An agent that is away for longer has lost its commands. */
  readonly awayMs: number
  /** An agent that has not ended a command so long after its time is not going to. */
  readonly overdueMs?: number
}

const MOST_PER_CLIENT = 4
/** When another process of this service takes over, this one learns from the database what that one hears. */
const LOOK_AGAIN_MS = 500

const STATUS_OF = {
  timed_out: 'timed_out',
  cancelled: 'cancelled',
  not_started: 'failed',
} as const

export class Commands {
  readonly #options: Required<CommandsOptions>
  readonly #deadlines = new Map<string, Timer>()
  readonly #watchers = new Map<string, Set<() => void>>()
  readonly #lookAgain = setInterval(() => {
    for (const id of [...this.#watchers.keys()]) this.#changed(id)
  }, LOOK_AGAIN_MS)

  constructor(options: CommandsOptions) {
    this.#options = { overdueMs: 15_000, ...options }
    // Those of the run before: their agents are given time to come back.
    for (const command of this.#options.log.running()) this.#loseAfter(command.id, this.#options.awayMs)
  }

  /** @throws Problem `client_offline`, `too_many_commands` */
  start(client: string, { name, argv }: Allowed, by: string, timeout: number): Command {
    const { log, wayTo, overdueMs } = this.#options
    const way = wayTo(client)
    if (way === null) throw new Problem(409, 'client_offline', 'The client is not connected.')
    if (log.running(client).length >= MOST_PER_CLIENT)
      throw new Problem(
        429,
        'too_many_commands',
        `${MOST_PER_CLIENT} commands run on this client. Wait for one to end, or cancel it.`,
      )
    const command = log.add({ client_id: client, name, argv, asked_by: by, timeout })
    this.#loseAfter(command.id, timeout * 1_000 + overdueMs)
    way.send('command_request', { command: argv, command_id: command.id, timeout })
    return command
  }

  /** Asks the agent to end it; where that is away, when it is back. */
  cancel(command: Command, by: string): void {
    this.#options.log.markCancelled(command.id, by)
    this.#options.wayTo(command.client_id)?.send('command_cancel', { command_id: command.id })
  }

  /** An agent says which commands it has. What it does not know of is lost: it is not sent again, or it might run twice. */
  arrived(client: string, known: readonly string[]): void {
    const { log, wayTo, overdueMs } = this.#options
    for (const command of log.running(client)) {
      if (!known.includes(command.id)) {
        this.#lose(command.id, 'The agent was started anew, or never heard of it.')
        continue
      }
      const left = Math.max(0, command.created_at + command.timeout * 1_000 - Date.now())
      this.#loseAfter(command.id, left + overdueMs)
      if (command.cancelled_by !== null) wayTo(client)?.send('command_cancel', { command_id: command.id })
    }
  }

  /** An agent is gone, for now or for ever. */
  left(client: string): void {
    for (const { id } of this.#options.log.running(client)) this.#loseAfter(id, this.#options.awayMs)
  }

  /** The owner has no more to do with a client: what runs there is called off, and how it ends will not be heard. */
  abandon(client: string, by: string): void {
    for (const command of this.#options.log.running(client)) {
      this.cancel(command, by)
      this.#lose(command.id, 'The client was removed.')
    }
  }

  /** @throws FrameRefused when a piece before it never came */
  said(client: string, { command_id, ...piece }: Chunk, way: Way): void {
    const command = this.#of(client, command_id)
    if (command !== null && piece.seq > command.chunks) {
      if (piece.seq > command.chunks + 1)
        throw new FrameRefused(`seq: ${command.chunks + 1} was to come, and not ${piece.seq}`)
      this.#options.log.append(command, piece)
      this.#changed(command.id)
    }
    // What came twice, and what nobody asked for, is confirmed as well, so that the agent can forget it.
    way.send('result_chunk_ack', { command_id, seq: piece.seq })
  }

  ended(client: string, { command_id, result, error }: Result, way: Way): void {
    const command = this.#of(client, command_id)
    if (command !== null) {
      const { outcome, exit_code: exitCode, truncated } = result
      const status = outcome === 'exited' ? (exitCode === 0 ? 'succeeded' : 'failed') : STATUS_OF[outcome]
      this.#finish(command, { status, exitCode, error, truncated })
    }
    way.send('command_result_ack', { command_id })
  }

  /** Settles when there is something new of it, or the signal aborts. */
  change(id: string, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const watchers = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, watchers.add(resolve))
    const leave = () => {
      watchers.delete(resolve)
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id)
      resolve()
    }
    signal?.addEventListener('abort', leave, { once: true })
    return promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  /** Settles when it has ended. */
  async end(id: string): Promise<Command> {
    for (;;) {
      const command = this.#options.log.get(id)!
      if (command.status !== 'running') return command
      await this.change(id)
    }
  }

  stop(): void {
    clearInterval(this.#lookAgain)
    for (const deadline of this.#deadlines.values()) clearTimeout(deadline)
    this.#deadlines.clear()
  }

  /** A command of this client, of which there may be news: it runs, or was lost, and now is found again. */
  #of(client: string, id: string): Command | null {
    const command = this.#options.log.get(id)
    const open = command?.status === 'running' || command?.status === 'lost'
    return open && command.client_id === client ? command : null
  }

  #loseAfter(id: string, ms: number): void {
    clearTimeout(this.#deadlines.get(id))
    this.#deadlines.set(
      id,
      setTimeout(() => this.#lose(id, 'The agent is gone, and has not said how it ended.'), ms),
    )
  }

  #lose(id: string, error: string): void {
    const command = this.#options.log.get(id)
    if (command?.status === 'running')
      this.#finish(command, { status: 'lost', exitCode: null, error, truncated: false })
  }

  /** It is told once that a command has ended: of one that was lost and is found again, the log alone learns. */
  #finish(command: Command, end: End): void {
    const { log, herald } = this.#options
    clearTimeout(this.#deadlines.get(command.id))
    this.#deadlines.delete(command.id)
    log.finish(command.id, end)
    if (command.status === 'running')
      herald.tell('command.finished', command.id, {
        command: command.id,
        client: command.client_id,
        name: command.name,
        by: command.asked_by,
        status: end.status,
        exitCode: end.exitCode,
      })
    this.#changed(command.id)
  }

  #changed(id: string): void {
    const watchers = this.#watchers.get(id)
    this.#watchers.delete(id)
    for (const tell of watchers ?? []) tell()
  }
}
