// Whose fault it is that a call failed: what a provider throws is charged to the provider, and to nobody else after that.

import { Problem } from '@home-console/sdk'
import type { Provider } from './parties.ts'

const charged = new WeakSet<object>()

/** Whether it was charged to a provider already: a caller that lets it through is not to blame. */
export function wasCharged(error: unknown): boolean {
  return typeof error === 'object' && error !== null && charged.has(error)
}

/** A problem is an answer; what else is thrown is a mistake of the provider's. */
export function chargeTo(provider: Provider, error: unknown, label: string): void {
  if (error instanceof Problem) return
  provider.charge(error, `service call "${label}"`)
  if (typeof error === 'object' && error !== null) charged.add(error)
}
