// A plugin's own pages: the files of its folder `public/`, under `/ui/{id}/`.

import { realpathSync } from 'node:fs'
import { join, sep } from 'node:path'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import type { CoreApi } from './core-api.ts'

const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Content-Security-Policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
}

export function pageRoutes(router: DeclaringRouter, { loader }: CoreApi): void {
  router.get('/ui/:id/*', async (c) => {
    const { id } = c.req.param()
    const generation = loader.find(id)?.serving
    if (generation === null || generation === undefined) throw coreProblem('not_found')
    // Without the slash, the links of the page would lead to its neighbours.
    if (c.req.path === `/ui/${id}`) return c.redirect(`/ui/${id}/`, 308)
    const path = decodeURIComponent(c.req.path.slice(`/ui/${id}/`.length))
    const file = fileWithin(
      join(generation.source.dir, 'public'),
      path.endsWith('/') || path === '' ? `${path}index.html` : path,
    )
    if (file === null || !(await file.exists())) throw coreProblem('not_found')
    return c.body(file as never, 200, { ...HEADERS, 'Content-Type': file.type })
  })
}

/** A file below the folder, links followed; null for anything else. */
function fileWithin(folder: string, path: string) {
  try {
    const root = realpathSync(folder)
    const real = realpathSync(join(root, path))
    return real.startsWith(root + sep) ? Bun.file(real) : null
  } catch {
    return null
  }
}
