// JSON Merge Patch: what a PATCH makes of what was there.

import { isObject, type Json } from './json.ts'

/** https://www.rfc-editor.org/rfc/rfc7396#section-2 */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const merged = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergePatch(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}
