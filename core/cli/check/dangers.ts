// The one table of what belongs to the Core: every API that starts a server, opens a port, is an app or ends the process.
//
// An API is written as the path that leads to it: the module, then `.member` for each step and `()` for a call or `new`.
// `express().listen` is the member `listen` of what calling the default export of `express` gives. The default export
// and the module itself are the same thing here.

import type { Rule } from './finding.ts'

export interface Danger {
  readonly rule: Rule
  readonly what: string
  readonly instead: string
}

const SERVER: Danger = {
  rule: 'server',
  what: 'starts a server',
  instead:
    'return a router from onLoad and the Core serves it; what needs a server of its own is an external service',
}
const PORT: Danger = { ...SERVER, rule: 'port', what: 'opens a listening port' }
const SOCKETS: Danger = {
  ...SERVER,
  what: 'starts a WebSocket server',
  instead: 'use ws(path, handlers) of the router that ctx.router() gives',
}
const EXIT: Danger = {
  rule: 'exit',
  what: 'ends the whole Core',
  instead: 'throw: the Core charges it to the plugin and goes on',
}
/** Harmless to have and to mount; only as the default export of the entry is it an offence. */
export const APP: Danger = {
  rule: 'app',
  what: 'is an app of its own, which Bun serves on a port when it runs the file',
  instead: 'export default definePlugin({ … }) and return the router from onLoad',
}

/** Makers of servers: they are an offence, and so is `listen` on what they make. */
const MAKERS = [
  'node:http.createServer',
  'node:http.Server',
  'node:https.createServer',
  'node:https.Server',
  'node:http2.createServer',
  'node:http2.createSecureServer',
  'node:net.createServer',
  'node:net.Server',
  'node:tls.createServer',
  'node:tls.Server',
  '@hono/node-server.createAdaptorServer',
  'restify.createServer',
]

/** Makers of apps that are harmless until somebody calls `listen`. */
const LISTENERS = [
  'express',
  'fastify',
  'fastify.fastify',
  'koa',
  'polka',
  'connect',
  'elysia',
  'elysia.Elysia',
  'uWebSockets.js.App',
  'uWebSockets.js.SSLApp',
]

const APPS: ReadonlySet<string> = new Set([
  'hono.Hono()',
  'hono/tiny.Hono()',
  'hono/quick.Hono()',
  '@hono/zod-openapi.OpenAPIHono()',
  'elysia()',
  'elysia.Elysia()',
])

const DANGERS: ReadonlyMap<string, Danger> = new Map([
  ...MAKERS.flatMap((path): [string, Danger][] => [
    [path, SERVER],
    [`${path}().listen`, PORT],
  ]),
  ...LISTENERS.map((path): [string, Danger] => [`${path}().listen`, PORT]),
  ...entries(SERVER, 'bun.serve', 'deno.serve', 'deno.serveHttp', '@hono/node-server.serve'),
  ...entries(SERVER, 'h3.serve', 'srvx.serve', 'micro.serve', '@hapi/hapi.server', '@hapi/hapi.Server'),
  ...entries(PORT, 'bun.listen', 'deno.listen', 'deno.listenTls', 'node:inspector.open', 'listhen.listen'),
  ...entries(SOCKETS, 'ws.Server', 'ws.WebSocketServer', 'ws.WebSocket.Server', 'socket.io.Server'),
  ...entries(EXIT, 'node:process.exit', 'node:process.abort', 'node:process.reallyExit'),
])

/** Other ways to the same thing. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['globalThis.globalThis', 'globalThis'],
  ['globalThis.global', 'globalThis'],
  ['globalThis.self', 'globalThis'],
  ['globalThis.Bun', 'bun'],
  ['globalThis.Deno', 'deno'],
  ['globalThis.process', 'node:process'],
  ['globalThis.require', 'require'],
  ['import.meta.require', 'require'],
  ['node:module.createRequire()', 'require'],
  ['node:process.getBuiltinModule', 'require'],
])

/** The paths that lead to something in the table; all others are nothing to know about. */
const known = new Set(['globalThis', 'import.meta', ...ALIASES.values()])
for (const path of [...DANGERS.keys(), ...APPS, ...ALIASES.keys()]) {
  for (const { index } of path.matchAll(/[.(]|$/g)) known.add(path.slice(0, index))
  for (const { index } of path.matchAll(/\)/g)) known.add(path.slice(0, index + 1))
}

export function dangerOf(path: string): Danger | undefined {
  return DANGERS.get(path)
}

export function isApp(path: string): boolean {
  return APPS.has(path)
}

/** Where a step of `.member` or `()` leads from a path; undefined when there is no danger in that direction. */
export function step(path: string, suffix: string): string | undefined {
  if (suffix === '.default') return path
  const next = ALIASES.get(path + suffix) ?? path + suffix
  return known.has(next) ? next : undefined
}

/** The path of a package or of a module of the platform. */
export function modulePath(specifier: string): string | undefined {
  return [`node:${specifier}`, specifier].find((path) => known.has(path))
}

/** A path as people write it. */
export function nameOf(path: string): string {
  return path
    .replace(/^node:/, '')
    .replace(/^(bun|deno)\./, (module) => module[0]!.toUpperCase() + module.slice(1))
}

function entries(danger: Danger, ...paths: string[]): [string, Danger][] {
  return paths.map((path) => [path, danger])
}
