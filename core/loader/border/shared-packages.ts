// The packages that every plugin gets from the Core, the same instance for all, wherever the plugin's folder lies.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const PACKAGES = ['@home-console/sdk', 'hono', '@hono/zod-openapi', 'zod', 'valibot', 'drizzle-orm']

const shared = new Set<string>()
let installed = false

/** Whether an import of a plugin resolves to the Core's own. */
export function isShared(specifier: string): boolean {
  return shared.has(specifier)
}

/**
 * From now on, `import` of a shared package, or of any subpath that it exports, gives the Core's own instance. What the
 * process loaded before is not touched.
 *
 * @param replaced modules of which plugins see another form, by specifier
 */
export function installSharedPackages(replaced: Readonly<Record<string, object>>): void {
  if (installed) return
  installed = true
  for (const name of PACKAGES) {
    const manifest = manifestOf(name)
    for (const path of Object.keys(manifest.exports)) {
      // A pattern such as `./utils/*` names no module; what it stands for is internal to its package.
      if (path.startsWith('.') && !path.includes('*') && !path.endsWith('.json')) shared.add(join(name, path))
    }
  }
  Bun.plugin({
    name: 'shared packages',
    setup(build) {
      for (const specifier of shared) {
        build.module(specifier, async () => ({
          // Resolved when first imported, here in the Core, where the name still means the Core's own package.
          exports: {
            ...(replaced[specifier] ?? (await import(Bun.resolveSync(specifier, import.meta.dir)))),
          },
          loader: 'object',
        }))
      }
    },
  })
}

function manifestOf(name: string): { exports: Record<string, unknown> } {
  let folder = dirname(Bun.resolveSync(name, import.meta.dir))
  for (;;) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (manifest.name === name) return manifest
    } catch {
      // Not in this folder.
    }
    folder = dirname(folder)
  }
}
