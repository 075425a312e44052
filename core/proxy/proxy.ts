// The proxy: calls external services for whoever stands for them, and carries what they answer.

import { Admission, type Adapter } from './admission.ts'
import { Calls } from './calls.ts'
import type { CircuitState } from './circuit.ts'
import { isFault, isRefused, type FaultLog, type MakeProblem } from './faults.ts'
import { Line } from './line.ts'
import type { Origins } from './own-headers.ts'
import type { Reach, Target } from './target.ts'
import { Traffic } from './traffic.ts'

export interface ProxyParts {
  readonly origins: Origins
  readonly problem: MakeProblem
  /** Calls back as the Core: what is opened here must not belong to the plugin that calls. */
  readonly asCore: <T>(run: () => T) => T
}

export class Proxy {
  readonly parts: ProxyParts
  readonly traffic = new Traffic()
  readonly calls = new Calls()
  readonly #lines = new WeakMap<Reach, Line>()

  constructor(parts: ProxyParts) {
    this.parts = parts
  }

  /** By which one generation of an adapter calls its service. */
  admission(adapter: Adapter): Admission {
    return new Admission(this, adapter)
  }

  /** How it stands between the Core and a service. */
  stateOf(target: Target): { inFlight: number; breaker: CircuitState } {
    const { reach } = target
    const line = reach === null ? undefined : this.#lines.get(reach)
    return { inFlight: this.traffic.of(target), breaker: line?.circuit.state ?? 'closed' }
  }

  /** Another reach is another line: what was held against a service that went is not held against the one that came. */
  lineTo(name: string, reach: Reach, log: FaultLog): Line {
    let line = this.#lines.get(reach)
    if (line === undefined) {
      const onChange = (state: CircuitState) => {
        if (state === 'open')
          log.warn(`The external service "${name}" failed again and again, and is left alone for a while.`)
        if (state === 'closed') log.info(`The external service "${name}" answers again.`)
      }
      line = new Line(name, reach, { isFailure: isFault, isAnswer: isRefused, onChange })
      this.#lines.set(reach, line)
    }
    return line
  }
}
