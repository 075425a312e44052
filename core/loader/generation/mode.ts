// In which modes a plugin can run, and in which of them it does: as the owner wishes, as the environment says, or in the
// first.

import type { Mode, PluginDefinition } from '@home-console/sdk'
import type { Organs } from '../organs.ts'

/** What a plugin's definition says of where its work runs. */
export type Role = Pick<PluginDefinition, 'modes' | 'external'>

type Asked = Pick<Organs, 'external' | 'wishes'>

/** An adapter that names none takes what its external service can do. */
export function modesOf({ modes, external }: Role, organs: Asked): readonly Mode[] {
  if (modes !== undefined) return modes
  if (external === undefined) return ['in_process']
  const isStartable = organs.external.find(external)?.manifest.start !== undefined
  return isStartable ? ['embedded', 'microservice'] : ['microservice']
}

export function modeOf(id: string, role: Role, organs: Asked): Mode {
  const modes = modesOf(role, organs)
  const wished = organs.wishes.of(id).mode
  if (wished !== null && modes.includes(wished)) return wished
  // Whoever says where a service is has it run there: a container need not be told so a second time.
  const isElsewhere = role.external !== undefined && organs.external.isElsewhere(role.external)
  return isElsewhere && modes.includes('microservice') ? 'microservice' : modes[0]!
}
