// Where a plugin begins, as its `package.json` says it: for the loader, and for the command line, which looks at plugins that no
// Core has loaded.

/** Which of a package's conditional targets Bun takes: of several, the first that the package names. */
const CONDITIONS = new Set(['bun', 'node', 'module', 'import', 'default'])

/** The file that `exports["."]` names, or else `main`; undefined where neither does: then it is `index.ts`. */
export function entryNamedBy({
  exports,
  main,
}: {
  readonly exports?: unknown
  readonly main?: unknown
}): string | undefined {
  const root = isRecord(exports) && '.' in exports ? exports['.'] : exports
  return targetOf(root) ?? (typeof main === 'string' ? main : undefined)
}

/** The target that Bun takes out of a string, a list of fallbacks or an object of conditions. */
export function targetOf(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  if (Array.isArray(target)) return targetOf(target[0])
  if (!isRecord(target)) return undefined
  return Object.entries(target)
    .filter(([condition]) => CONDITIONS.has(condition))
    .map(([, inner]) => targetOf(inner))
    .find((path) => path !== undefined)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
