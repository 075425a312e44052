// Refuses a version that takes away what a loaded plugin uses, or offers what another one offers.

import type { ExternalServices } from '../../external/external-services.ts'
import { lostMethods } from '../../services/lost-methods.ts'
import type { Offer, ServiceRegistry } from '../../services/service-registry.ts'
import { PluginError, positionOfText } from '../fault.ts'
import type { Generation } from '../generation/generation.ts'
import type { PluginUnit } from './plugin-unit.ts'
import type { Change } from './transaction.ts'

/**
 * @param before what the version that serves, or served until now, offers
 * @throws PluginError `service_lost` or `service_method_lost`, with what would be missed and by whom
 */
export function assertNotMissed(
  services: ServiceRegistry,
  before: readonly Offer[],
  next: Generation,
  { bereft, swapping }: Change,
): void {
  const at = positionOfText(next.source.entry, 'provides')
  const hint = 'Change the user first, or both at once; or reload it with force.'
  for (const { name } of before) {
    const users = bereft.filter(({ requires }) => requires.includes(name)).map(({ id }) => `"${id}"`)
    if (users.length > 0 && !next.needs.provides.includes(name))
      throw new PluginError(
        'service_lost',
        `It no longer provides "${name}", which ${users.join(' and ')} requires. ${hint}`,
        at,
      )
  }
  // Whoever swaps in the same tick was written for what is new.
  const after = services.offeredBy(next)
  const lost = lostMethods(services, next.id, before, after).filter(({ user }) => !swapping.has(user))
  if (lost.length === 0) return
  const told = lost.map(
    ({ service, method, user }) => `"${service}.${method}" is gone, which "${user}" calls`,
  )
  throw new PluginError('service_method_lost', `${told.join('; ')}. ${hint}`, at)
}

/** @throws PluginError `service_taken`, with the holder */
export function assertNotTaken(
  services: ServiceRegistry,
  next: Generation,
  { leaving, swapping }: Change<PluginUnit>,
): void {
  const rival = services.rivalOf(next, new Set(leaving.map(({ id }) => id)), swapping)
  if (rival === null) return
  throw new PluginError(
    'service_taken',
    `"${rival.service}" is provided by the plugin "${rival.plugin}" already.`,
    positionOfText(next.source.entry, rival.service),
  )
}

/** @throws PluginError `external_taken`, with the adapter that it has */
export function assertNoOtherAdapter(
  services: ExternalServices,
  next: Generation,
  { leaving, swapping }: Change<PluginUnit>,
): void {
  const { external } = next.role
  if (external === undefined) return
  const adapter = services.find(external)?.adapter ?? null
  if (adapter === null || adapter === next.id || swapping.has(adapter)) return
  if (leaving.some(({ id }) => id === adapter)) return
  throw new PluginError(
    'external_taken',
    `"${external}" has an adapter already: the plugin "${adapter}".`,
    positionOfText(next.source.entry, external),
  )
}
