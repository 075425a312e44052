// Lets the schemas of a generation that is gone be collected.

import { zodToOpenAPIRegistry } from '@asteasolutions/zod-to-openapi'

/**
 * zod-to-openapi keeps every schema that was given a name or a description in a strong map of the process, and with it
 * the generation that made it. A weak map serves it as well: it only ever looks schemas up that somebody holds.
 */
export function keepSchemasWeakly(): void {
  const registry = zodToOpenAPIRegistry as unknown as {
    _map: Map<object, unknown> | WeakMap<object, unknown>
  }
  if (registry._map instanceof Map) registry._map = new WeakMap(registry._map)
}
