// The events that external services send, as the document of events tells of them: their types, for nobody says what they carry.

import { z } from '@home-console/sdk'
import { Declaration } from '../bus/declared-events.ts'
import { isEventType, isReserved } from '../bus/pattern.ts'
import type { ExternalServices } from '../external/external-services.ts'
import type { ServiceManifest } from '../external/manifest.ts'

const declarations = new WeakMap<ServiceManifest, Declaration>()

/** Of those that an adapter stands for. A pattern in service.json is no type, and left out. */
export function declaredByExternal(external: ExternalServices): readonly Declaration[] {
  return external.list.flatMap(({ name, adapter, manifest }) => {
    const types = manifest.events.sends.filter((type) => isEventType(type) && !isReserved(type))
    if (adapter === null || types.length === 0) return []
    let declaration = declarations.get(manifest)
    if (declaration === undefined) {
      const schema = z.unknown().describe(`As /external/${name} sends it.`)
      const schemas = Object.fromEntries(types.map((type) => [type, schema]))
      declaration = new Declaration({ plugin: `external.${name}`, schemas, enter: (run) => run() })
      declarations.set(manifest, declaration)
    }
    return [declaration]
  })
}
