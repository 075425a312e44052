// By which one generation of an adapter calls its service: lets a call in where one may begin, keeps it behind the circuit, and
// calls off all that are under way when the generation ends.

import { Call } from './call.ts'
import { CircuitOpen } from './circuit.ts'
import type { Exchange, Judge } from './exchange.ts'
import { Faults, type FaultLog } from './faults.ts'
import type { Line } from './line.ts'
import { Introductions } from './own-headers.ts'
import type { Proxy } from './proxy.ts'
import type { Target } from './target.ts'

/** Who stands for the service. */
export interface Adapter {
  readonly plugin: string
  /** Under which its routes are. */
  readonly prefix: string
  readonly log: FaultLog
  readonly target: Target
}

export class Admission {
  readonly proxy: Proxy
  readonly adapter: Adapter
  readonly faults: Faults
  #introductions: Introductions | undefined
  #closed: Error | undefined

  constructor(proxy: Proxy, adapter: Adapter) {
    this.proxy = proxy
    this.adapter = adapter
    this.faults = new Faults(adapter.target.name, proxy.parts.problem, adapter.log)
  }

  /** What is under way is called off, and nothing begins any more. */
  close(reason: Error): void {
    this.#closed = reason
    for (const call of this.proxy.calls.of(this)) call.callOff(reason)
  }

  /**
   * Lets a call in, and ends it where what is run for it fails.
   *
   * @throws Problem `external_unavailable` where nothing may be called now
   */
  async during<T>(run: (line: Line, call: Call) => Promise<T>): Promise<T> {
    const { line, call } = this.begin()
    try {
      return await run(line, call)
    } catch (error) {
      call.end()
      throw error
    }
  }

  /**
   * Whoever begins a call ends it.
   *
   * @throws Problem `external_unavailable` where nothing may be called now
   */
  begin(isUpload = false): { line: Line; call: Call } {
    // A body may have come only now.
    if (this.#closed !== undefined) throw this.#closed
    const { target, log } = this.adapter
    const { reach } = target
    if (reach === null) throw this.faults.unavailable(target.trouble)
    const { traffic, calls } = this.proxy
    const tooMany = traffic.enter(target, isUpload, (count, of) =>
      log.warn(`The external service "${target.name}" has ${count} ${of} under way and gets no more.`),
    )
    if (tooMany !== null)
      throw this.faults.make('external_unavailable', `has as many ${tooMany} under way as it may have`)
    const onEnd = () => {
      traffic.leave(target, isUpload)
      reach.end()
    }
    reach.begin()
    const call = new Call({ calls, owner: this, onEnd })
    return { line: this.proxy.lineTo(target.name, reach, log), call }
  }

  /** An exchange tells a clean circuit itself: the usual way is the short one. */
  through(line: Line, call: Call, exchange: Exchange, judge: Judge): Promise<Response> {
    if (line.circuit.isClean) return exchange.run(judge)
    return this.guarded(line, call, () => exchange.run(judge))
  }

  /** Behind the circuit. Whatever comes of it but an answer, the call has come to its end. */
  async guarded<T>(line: Line, call: Call, ask: () => Promise<T>): Promise<T> {
    try {
      return await line.circuit.run(ask)
    } catch (error) {
      call.end()
      if (!(error instanceof CircuitOpen)) throw error
      throw this.faults.make('external_unavailable', 'failed again and again, and is left alone for a while')
    }
  }

  /** Another line is another service, as far as anybody introduces himself. */
  introductionsOn(line: Line): Introductions {
    if (this.#introductions?.line !== line) this.#introductions = new Introductions(line, this.adapter.prefix)
    return this.#introductions
  }
}
