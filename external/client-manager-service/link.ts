// One connection of an agent: who it is, what it may say, and when it is taken for gone.

import { randomBytes } from 'node:crypto'
import type { ServerWebSocket } from 'bun'
import type { Clients } from './clients.ts'
import type { Codes } from './codes.ts'
import type { Commands, Way } from './commands.ts'
import {
  type About,
  type AgentFrame,
  FrameRefused,
  parseFrame,
  type Registration,
  type ServiceFrames,
} from './frames.ts'
import { clientIdOf, isGenuine } from './identity.ts'
import type { Links } from './links.ts'

/** RFC 6455, the IANA registry, and of the range that is left to applications. */
const POLICY_VIOLATION = 1008
const INTERNAL_ERROR = 1011
const TRY_AGAIN_LATER = 1013
const REPLACED = 4_001
const TURNED_AWAY = 4_003
const SILENT = 4_008

/** What is said before that is known may be so long, in characters. */
const LONGEST_INTRODUCTION = 32 * 1024

/** A frame costs 1, and 1 more for each of these, in characters: so much at once, and so much more in each second. */
const COST_CHARACTERS = 16 * 1024
const BURST = 4_000
const PER_SECOND = 2_000

export interface Patience {
  /** It has so long to say who it is, ... */
  readonly introductionMs: number
  /** ... and may be silent for so long afterwards. */
  readonly silenceMs: number
}

export interface LinkOptions {
  readonly patience: Patience
  readonly clients: Clients
  readonly codes: Codes
  readonly commands: Commands
  readonly links: Links
  readonly server: { readonly name: string; readonly version: string }
  readonly log: (message: string) => void
}

export class Link implements Way {
  readonly ip: string | null
  readonly #options: LinkOptions
  readonly #nonce = randomBytes(32).toString('base64url')
  #socket: ServerWebSocket<Link> | undefined
  #deadline: Timer | undefined
  /** Set when it has proven who it is. */
  #id: string | undefined
  #about: About | undefined
  #running: readonly string[] = []
  #heardAt = Date.now()
  #trusted = false
  #over = false
  #tokens = BURST
  #refilled = Date.now()

  constructor(ip: string | null, options: LinkOptions) {
    this.ip = ip
    this.#options = options
  }

  get hostname(): string {
    return this.#about!.hostname
  }

  /** Whether the owner, or a code of theirs, has let it in. */
  get trusted(): boolean {
    return this.#trusted
  }

  /** When it last said something, in ms since 1970. */
  get heardAt(): number {
    return this.#heardAt
  }

  opened(socket: ServerWebSocket<Link>): void {
    this.#socket = socket
    this.#options.links.came(this)
    this.#wait(this.#options.patience.introductionMs)
    this.send('auth_challenge', { nonce: this.#nonce })
  }

  received(message: string | Buffer): void {
    if (this.#over) return
    try {
      if (typeof message !== 'string') throw new FrameRefused('a frame is a text')
      this.#pay(1 + message.length / COST_CHARACTERS)
      if (this.#id === undefined && message.length > LONGEST_INTRODUCTION) throw new FrameRefused('too long')
      this.#take(parseFrame(message))
    } catch (error) {
      const who =
        this.#id === undefined ? `A stranger${this.ip ? ` at ${this.ip}` : ''}` : `The client ${this.#id}`
      if (error instanceof FrameRefused) {
        this.#options.log(`${who} is cut off. It said what it must not: ${error.message}.`)
        this.close(POLICY_VIOLATION, 'No such frame is expected here.')
      } else {
        // Such as a full disk: it says it again when it is back.
        this.#options.log(`What ${who} said could not be dealt with: ${(error as Error).message}`)
        this.close(INTERNAL_ERROR, 'The client manager has trouble of its own; come back.')
      }
    }
  }

  /** The connection is gone, whoever ended it. */
  closed(reason: string): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#deadline)
    const { links, commands } = this.#options
    links.went(this)
    if (this.#id === undefined || !links.leave(this.#id, this, reason)) return
    if (this.#trusted) commands.left(this.#id)
  }

  send<const Type extends keyof ServiceFrames>(type: Type, data: ServiceFrames[Type]): void {
    if (!this.#over) this.#socket!.send(JSON.stringify({ type, data }))
  }

  close(code: number, reason: string): void {
    this.#socket!.close(code, reason)
    this.closed(reason)
  }

  /** The same client has come again: whatever this one was, it is that one now. */
  replace(): void {
    this.close(REPLACED, 'The client has connected anew.')
  }

  /** There are too many like this one. */
  makeRoom(): void {
    this.close(TRY_AGAIN_LATER, 'Too many connections; come back.')
  }

  /** The owner decided against it. */
  turnAway(message: string): void {
    this.#refuse('rejected', message)
  }

  /** From now on it is obeyed. */
  trust(): void {
    const { clients, commands, links } = this.#options
    this.#trusted = true
    clients.arrived(this.#id!, this.#about!, this.ip)
    if (!links.admit(this.#id!, this)) return this.makeRoom()
    this.#welcome()
    commands.arrived(this.#id!, this.#running)
  }

  #take(frame: AgentFrame): void {
    if (this.#id === undefined) {
      if (frame.type !== 'register')
        throw new FrameRefused(`"${frame.type}" of someone who has not said who they are`)
      return this.#register(frame.data)
    }
    this.#heardAt = Date.now()
    this.#wait(this.#options.patience.silenceMs)
    if (frame.type === 'heartbeat')
      return this.send('heartbeat_ack', { timestamp: new Date(this.#heardAt).toISOString() })
    if (!this.#trusted) throw new FrameRefused(`"${frame.type}" of a client that is not approved`)
    switch (frame.type) {
      case 'result_chunk':
        return this.#options.commands.said(this.#id, frame.data, this)
      case 'command_result':
        return this.#options.commands.ended(this.#id, frame.data, this)
      case 'command_cancel_ack':
        return
      case 'register':
        throw new FrameRefused('it has said already who it is')
    }
  }

  #register(registration: Registration): void {
    const { clients, codes, links } = this.#options
    const { public_key: publicKey, signature: _, enrollment_token: code, running, ...about } = registration
    if (!isGenuine(registration, this.#nonce))
      return this.#refuse('bad_signature', 'The signature is not that of the key.')
    const id = clientIdOf(publicKey)
    let standing = clients.get(id)?.standing
    if (standing !== 'approved' && code !== undefined) {
      const redeemed = codes.redeem(code, id)
      if (redeemed === null)
        return this.#refuse('bad_code', 'The code is wrong, was used already, or has expired.')
      clients.approve(id, redeemed.by, { publicKey, about, ip: this.ip })
      standing = 'approved'
    }
    if (standing === 'rejected')
      return this.#refuse('rejected', 'The owner does not want this computer here.')
    if (standing === undefined && !clients.hold(id, publicKey, about, this.ip))
      return this.#refuse('too_many_pending', 'Too many computers wait to be approved.')
    this.#id = id
    this.#about = about
    this.#running = running
    this.#wait(this.#options.patience.silenceMs)
    links.join(id, this)
    if (standing === 'approved') this.trust()
    else this.#welcome()
  }

  #welcome(): void {
    const { server } = this.#options
    this.send('registration_success', { client_id: this.#id!, trusted: this.#trusted, server_info: server })
  }

  #refuse(code: ServiceFrames['registration_error']['code'], message: string): void {
    this.send('registration_error', { code, message })
    this.close(TURNED_AWAY, message)
  }

  #wait(ms: number): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => {
      this.#socket!.close(SILENT, 'Nothing was heard for too long.')
      // A computer that lost its power answers no farewell.
      this.#socket!.terminate()
      this.closed('it fell silent')
    }, ms)
  }

  /** @throws FrameRefused when it has said too much of late */
  #pay(cost: number): void {
    const now = Date.now()
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#refilled) / 1_000) * PER_SECOND)
    this.#refilled = now
    this.#tokens -= cost
    if (this.#tokens < 0) throw new FrameRefused('too much at once')
  }
}
