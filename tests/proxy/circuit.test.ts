// When a service is left alone: when it failed again and again, with no answer between.

import { describe, expect, test } from 'bun:test'
import { Circuit, type CircuitState } from '../../core/proxy/circuit.ts'

class Failure extends Error {}
class Refusal extends Error {}

const circuit = () => {
  const states: CircuitState[] = []
  return {
    states,
    circuit: new Circuit({
      isFailure: (error) => error instanceof Failure,
      isAnswer: (error) => error instanceof Refusal,
      onChange: (state) => states.push(state),
    }),
  }
}

type Ends = (Error | null)[]

/** Calls that have all begun before the first of them ends, and end one after the other. */
async function together(circuit: Circuit, ends: Ends): Promise<void> {
  const calls = ends.map(() => Promise.withResolvers<void>())
  const running = calls.map(({ promise }) => circuit.run(() => promise).catch(() => {}))
  for (const [at, error] of ends.entries()) {
    if (error === null) calls[at]!.resolve()
    else calls[at]!.reject(error)
    await running[at]
  }
}

const failed: Ends = [new Failure()]
const times = (count: number, ends: Ends): Ends => Array.from({ length: count }, () => ends).flat()

describe('calls that began together', () => {
  test('and fail one after the other open it with the fifth', async () => {
    const { circuit: it, states } = circuit()
    await together(it, times(4, failed))
    expect(states).toEqual([])
    await together(it, failed)
    expect(states).toEqual(['open'])
  })

  test.each<[what: string, answer: Error | null]>([
    ['is answered', null],
    ['is refused', new Refusal()],
  ])('and fail, with one between that %s, leave it closed', async (_what, answer) => {
    const { circuit: it, states } = circuit()
    await together(it, times(6, [...times(4, failed), answer]))
    expect([states, it.state]).toEqual([[], 'closed'])
    await together(it, times(5, failed))
    expect(it.state).toBe('open')
  })

  test('of which one is called off leave the count as it is', async () => {
    const { circuit: it } = circuit()
    await together(it, [...times(4, failed), new Error('called off'), ...failed])
    expect(it.state).toBe('open')
  })
})
