// Keeps the house's memory in step with the external service: looks when something happened, and when it comes back.

import type { PluginContext } from '@home-console/sdk'
import type { Manager } from './manager.ts'
import type { Memory } from './memory.ts'

type Context = Pick<PluginContext, 'external' | 'log' | 'status'>

export class Follower {
  readonly #ctx: Context
  readonly #manager: Manager
  readonly #memory: Memory
  /** Commands that have ended, and are not yet written down. */
  readonly #ended = new Set<string>()
  #looking: Promise<void> | undefined
  #again = false

  constructor(ctx: Context, manager: Manager, memory: Memory) {
    this.#ctx = ctx
    this.#manager = manager
    this.#memory = memory
  }

  ended(command: string): Promise<void> {
    this.#ended.add(command)
    return this.look()
  }

  /** The external service is not there. */
  lost(): void {
    this.#memory.loseSight()
    this.#tell()
  }

  /** One look at a time, and one more for all that happened meanwhile. */
  look(): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined
        if (this.#again) void this.look()
      })
      this.#again = false
    } else this.#again = true
    return this.#looking
  }

  async #look(): Promise<void> {
    if (this.#ctx.external.state !== 'up') return
    try {
      this.#memory.keepClients(await this.#manager.clients())
      this.#tell()
      // Those whose end nobody here heard of, too: the Core may have been away.
      for (const { command_id: id, status } of (await this.#manager.history()).reverse())
        if (status !== 'running' && !this.#memory.knows(id)) this.#ended.add(id)
      for (const id of this.#ended) {
        const command = await this.#manager.command(id)
        if (command !== null) this.#memory.keepCommand(command)
        this.#ended.delete(id)
      }
    } catch (error) {
      // What was missed is made up for when it is back, or when something happens next.
      this.#ctx.log.debug(
        `What happened at the client manager is not written down yet: ${(error as Error).message}`,
      )
    }
  }

  #tell(): void {
    const clients = this.#memory.clients()
    const connected = clients.filter((client) => client.connected).length
    const known = clients.length === 1 ? '1 computer' : `${clients.length} computers`
    this.#ctx.status(
      'clients',
      'ok',
      clients.length === 0 ? 'no computers yet' : `${connected} of ${known} connected`,
    )
  }
}
