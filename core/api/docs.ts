// The documents of routes and of events, and a page that shows both without the internet.

import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { createRoute, z } from '@home-console/sdk'
import { describeEvents } from '../bus/asyncapi.ts'
import { Declaration } from '../bus/declared-events.ts'
import { coreProblem } from '../http/answers/problems.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { jsonSchemaTranslator } from '../sdk/json-schema.ts'
import type { CoreApi } from './core-api.ts'
import { CORE_EVENTS } from './core-events.ts'
import { declaredByExternal } from './external-events.ts'

const getOpenApi = createRoute({
  method: 'get',
  path: '/openapi.json',
  operationId: 'getOpenApi',
  summary: 'This document',
  security: [],
  responses: {
    200: {
      description: 'OpenAPI 3.1.',
      content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } },
    },
  },
})

const getAsyncApi = createRoute({
  method: 'get',
  path: '/asyncapi.json',
  operationId: 'getAsyncApi',
  summary: 'The events, and what each of them carries',
  security: [],
  responses: {
    200: {
      description: 'AsyncAPI 3.0.',
      content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } },
    },
  },
})

const getDocs = createRoute({
  method: 'get',
  path: '/docs',
  operationId: 'getDocs',
  summary: 'The routes and the events as a page',
  security: [],
  responses: { 200: { description: 'A page.', content: { 'text/html': { schema: z.string() } } } },
})

/** The files of the page, all from our own disk. */
const FILES = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
])

const SCRIPT = `
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
})

const element = (name, text, ...children) => {
  const node = document.createElement(name)
  node.append(...(text === null ? [] : [text]), ...children)
  return node
}
const events = await (await fetch('/asyncapi.json')).json()
const inFull = (value) =>
  value?.$ref === undefined ? value : inFull(value.$ref.slice(2).split('/').reduce((at, key) => at[key], events))
for (const [type, { messages }] of Object.entries(events.channels)) {
  const told = Object.entries(messages).map(([plugin, message]) => {
    const payload = JSON.stringify(inFull(inFull(message).payload), null, 2)
    return element('div', null, element('p', 'As ' + plugin + ' tells it:'), element('pre', payload))
  })
  document.querySelector('#events').append(element('details', null, element('summary', type), ...told))
}
`

/** Quieter than the page comes: the list is what people look for. */
const STYLE = `
body { margin: 0 }
html.dark-mode body { background: #1c2022 }
.swagger-ui .wrapper { max-width: 1100px }
.swagger-ui .info { margin: 32px 0 8px }
.swagger-ui .info hgroup.main { margin: 0 }
:root:root .swagger-ui .scheme-container { background: none; box-shadow: none; margin: 0; padding: 0 }
.swagger-ui .filter .operation-filter-input { margin: 8px 0; padding: 8px 10px; border-width: 1px }
.swagger-ui .opblock { margin: 0 0 6px; box-shadow: none }
.swagger-ui .opblock .opblock-summary-operation-id { font-size: 12px; opacity: 0.6 }
#events { box-sizing: border-box; max-width: 1100px; margin: 0 auto 48px; padding: 0 20px; font-family: sans-serif; color: #3b4151 }
#events summary { padding: 8px 10px; cursor: pointer; font-weight: 600 }
#events div { margin-left: 24px; font-size: 14px }
#events pre { overflow: auto; max-height: 480px }
html.dark-mode #events { color: #e4e6e6 }
`

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Home Console API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>${STYLE}</style>
</head>
<body>
<div id="docs"></div>
<section id="events">
<h2>Events</h2>
<p>What happens in this house, at <code>GET /api/core/events</code>; as a document: <code>/asyncapi.json</code></p>
</section>
<script src="/docs/swagger-ui-bundle.js"></script>
<script type="module">${SCRIPT}</script>
</body>
</html>
`

/** The page runs its own two scripts and no other, talks to this house only, and stands in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const EVENTS_INFO = {
  title: 'Home Console events',
  description:
    'What the Core and every plugin of this house tell. Read them at `GET /api/core/events`, publish with `POST`.',
}

const HEADERS = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' }

export function docsRoutes(router: DeclaringRouter, { app, bus, external, version }: CoreApi): void {
  router.openapi(getOpenApi, (c) => {
    // The text is joined already: parsing it to say it again would block the loop at a thousand routes.
    return c.body(app.document, 200, {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-cache',
    }) as never
  })

  const ofCore = new Declaration({ plugin: 'core', schemas: CORE_EVENTS, enter: (run) => run() })
  let events = { edition: '', document: '' }

  router.openapi(getAsyncApi, async (c) => {
    const toJsonSchema = await jsonSchemaTranslator()
    // What is swapped while it is written is written again: what was said of all others is known by then.
    for (;;) {
      const { revision, all } = bus.declared
      const ofServices = declaredByExternal(external)
      const said = ofServices.map(({ plugin, schemas }) => [plugin, Object.keys(schemas)])
      const edition = JSON.stringify([revision, said])
      if (edition === events.edition) break
      const declarations = [ofCore, ...all, ...ofServices]
      const document = await describeEvents(declarations, { ...EVENTS_INFO, version }, toJsonSchema)
      events = { edition, document }
    }
    return c.body(events.document, 200, {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-cache',
    }) as never
  })

  router.openapi(getDocs, (c) =>
    c.html(PAGE, 200, { ...HEADERS, 'Content-Security-Policy': POLICY, 'X-Frame-Options': 'DENY' }),
  )

  router.openapi({ ...getRoot, hide: true }, (c) => c.redirect('/docs') as never)

  router.openapi({ ...getDocsFile, hide: true }, (c) => {
    const { file } = c.req.valid('param')
    const type = FILES.get(file)
    if (type === undefined) throw coreProblem('not_found')
    const body = Bun.file(join(swaggerFolder(), file))
    return c.body(body as never, 200, {
      ...HEADERS,
      'Content-Type': type,
      'Cache-Control': 'public, max-age=86400',
    }) as never
  })
}

/** What somebody opens first in a browser. */
const getRoot = createRoute({
  method: 'get',
  path: '/',
  security: [],
  responses: { 302: { description: 'To the page.' } },
})

const getDocsFile = createRoute({
  method: 'get',
  path: '/docs/{file}',
  security: [],
  request: { params: z.object({ file: z.string() }) },
  responses: { 200: { description: 'A file of the page.' } },
})

function swaggerFolder(): string {
  return dirname(Bun.resolveSync('swagger-ui-dist/package.json', import.meta.dir))
}
