// hc plugin check, one small plugin for each thing that it must find, and for each that it must leave alone.

import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { checkPlugin } from '../../core/cli/check/check.ts'
import { pluginsFolder } from './plugin-on-disk.ts'

/** A plugin's one file, or its files by name, and beside it whatever begins with `../`. */
type Sources = string | Readonly<Record<string, string>>

/** What is found in it, each as `file:line:column rule`. */
function found(sources: Sources): string[] {
  const files = typeof sources === 'string' ? { 'index.ts': sources } : sources
  const entries = Object.entries(files).map(([name, text]) => [join('lamp', name), text])
  using folder = pluginsFolder(Object.fromEntries(entries))
  const dir = `${folder.path}/lamp`
  return checkPlugin(dir).map(
    ({ file, line, column, rule }) => `${relative(dir, file)}:${line}:${column} ${rule}`,
  )
}

describe('a server is found', () => {
  const cases: [sentence: string, sources: Sources, ...expected: string[]][] = [
    ['as Bun.serve', 'Bun.serve({ fetch })', 'index.ts:1:1 server'],
    ['within onLoad', 'export default {\n  onLoad() {\n    Bun.serve({})\n  },\n}', 'index.ts:3:5 server'],
    ['as a listening TCP socket of Bun', 'Bun.listen({ port: 1 })', 'index.ts:1:1 port'],
    ['imported by name', 'import { serve } from "bun"\nserve({})', 'index.ts:2:1 server'],
    ['imported under another name', "import { serve as s } from 'bun'\ns({})", 'index.ts:2:1 server'],
    ['imported and never called', "import { serve } from 'bun'", 'index.ts:1:10 server'],
    ['in a namespace', "import * as B from 'bun'\nB.serve({})", 'index.ts:2:1 server'],
    ['in the default import', "import B from 'bun'\nB.serve({})", 'index.ts:2:1 server'],
    ['taken out of Bun', 'const { serve } = Bun\nserve({})', 'index.ts:2:1 server'],
    ['taken out and renamed', 'const { serve: go } = Bun\ngo({})', 'index.ts:2:1 server'],
    ['taken out and never called', 'const { serve } = Bun', 'index.ts:1:9 server'],
    ['by a default in a pattern', 'const { go = Bun.serve } = options\ngo({})', 'index.ts:2:1 server'],
    ['left over in a rest', 'const { env, ...rest } = Bun\nrest.serve({})', 'index.ts:2:1 server'],
    ['through another name for Bun', 'const B = Bun\nB.serve({})', 'index.ts:2:1 server'],
    ['through an assignment', 'let B\nB = Bun\nB.serve({})', 'index.ts:3:1 server'],
    ['through globalThis', 'globalThis.Bun.serve({})', 'index.ts:1:1 server'],
    ['through a pattern in globalThis', 'const { Bun: B } = globalThis\nB.serve({})', 'index.ts:2:1 server'],
    ['by a name in brackets', "Bun['serve']({})", 'index.ts:1:1 server'],
    ['by a name put together', "Bun['ser' + `ve`]({})", 'index.ts:1:1 server'],
    ['behind a question mark', 'Bun?.serve?.({})', 'index.ts:1:1 server'],
    ['behind a cast', '(Bun as any).serve!({})', 'index.ts:1:1 server'],
    ['behind a comma', '(0, Bun.serve)({})', 'index.ts:1:5 server'],
    ['behind a condition', 'const go = debug ? Bun.serve : other\ngo({})', 'index.ts:2:1 server'],
    ['called by way of call', 'Bun.serve.call(Bun, {})', 'index.ts:1:1 server'],
    ['handed to somebody else', 'start(Bun.serve)', 'index.ts:1:7 server'],
    ['in a list', 'const all = [Bun.serve]', 'index.ts:1:14 server'],
    ['required', "require('bun').serve({})", 'index.ts:1:16 server'],
    ['required through import.meta', "import.meta.require('bun').serve({})", 'index.ts:1:28 server'],
    [
      'required through createRequire',
      "import { createRequire } from 'node:module'\nconst r = createRequire(import.meta.url)\nr('net').createServer()",
      'index.ts:3:10 server',
    ],
    [
      'through process.getBuiltinModule',
      "process.getBuiltinModule('http').createServer()",
      'index.ts:1:34 server',
    ],
    ['imported late', "const http = await import('node:http')\nhttp.createServer()", 'index.ts:2:1 server'],
    [
      'in a promise of a module',
      "import('node:http').then(({ createServer }) => createServer())",
      'index.ts:1:48 server',
    ],
    ['in an import with equals', "import http = require('http')\nhttp.createServer()", 'index.ts:2:1 server'],
    [
      'of node:http, and its port',
      "import { createServer } from 'node:http'\nconst s = createServer()\ns.listen(80)",
      'index.ts:2:11 server',
      'index.ts:3:1 port',
    ],
    ['of https', "import https from 'https'\nnew https.Server()", 'index.ts:2:5 server'],
    ['of http2', "import http2 from 'node:http2'\nhttp2.createSecureServer()", 'index.ts:2:1 server'],
    ['of net', "import { Server } from 'node:net'\nnew Server().unref()", 'index.ts:2:5 server'],
    ['of tls', "import * as tls from 'node:tls'\ntls.createServer()", 'index.ts:2:1 server'],
    ['as a superclass', "import http from 'http'\nclass S extends http.Server {}", 'index.ts:2:17 server'],
    [
      'in a member of a class',
      "import http from 'node:http'\nclass S {\n  s = http.createServer()\n  go() { this.s.listen(1) }\n}",
      'index.ts:3:7 server',
      'index.ts:4:10 port',
    ],
    [
      'of the adapter of Hono',
      "import { serve } from '@hono/node-server'\nserve(app)",
      'index.ts:2:1 server',
    ],
    ['of Deno', 'Deno.serve(handler)', 'index.ts:1:1 server'],
    ['of WebSockets', "import { WebSocketServer } from 'ws'\nnew WebSocketServer({})", 'index.ts:2:5 server'],
    ['of express', "import express from 'express'\nexpress().use(x).listen(80)", 'index.ts:2:18 port'],
    [
      'of fastify',
      "import fastify from 'fastify'\nconst app = fastify({})\nawait app.register(x)\nawait app.listen({})",
      'index.ts:4:7 port',
    ],
    ['of koa', "import Koa from 'koa'\nconst app = new Koa()\napp.listen(80)", 'index.ts:3:1 port'],
    [
      'of an app in a private field',
      "import express from 'express'\nclass A {\n  #app\n  constructor() { this.#app = express() }\n  go() { this.#app.listen(80) }\n}",
      'index.ts:5:10 port',
    ],
    [
      'of an app that a parameter takes',
      "import express from 'express'\nconst start = (app) => app.listen(80)\nstart(express())",
      'index.ts:2:24 port',
    ],
    [
      'of an app that a constructor keeps',
      "import express from 'express'\nclass A {\n  constructor(private app: any) {}\n  go() { this.app.listen(80) }\n}\nnew A(express())",
      'index.ts:4:10 port',
    ],
    [
      'of an app that a function makes',
      "import express from 'express'\nfunction make() {\n  const app = express()\n  return app\n}\nmake().listen(80)",
      'index.ts:6:8 port',
    ],
    [
      'in a method that is inherited',
      'class A {\n  get bun() { return Bun }\n}\nclass B extends A {\n  go() { this.bun.serve({}) }\n}',
      'index.ts:5:10 server',
    ],
    [
      'where the code is full of what is not ASCII',
      "const name = 'Küche 🏠'; Bun.serve({})",
      'index.ts:1:26 server',
    ],
  ]
  test.each(cases)('%s', (_, sources, ...expected) => {
    expect(found(sources)).toEqual(expected)
  })
})

describe('a server is found in what the entry imports', () => {
  const cases: [sentence: string, sources: Sources, ...expected: string[]][] = [
    ['in a helper', { 'index.ts': "import './a.ts'", 'a.ts': '\nBun.serve({})' }, 'a.ts:2:1 server'],
    [
      'in a helper of a helper',
      { 'index.ts': "import './a'", 'a.ts': "export * from './b'", 'b/index.ts': 'Bun.serve()' },
      'b/index.ts:1:1 server',
    ],
    [
      'in a helper that is imported late',
      { 'index.ts': "await import('./a.js')", 'a.ts': 'Bun.serve()' },
      'a.ts:1:1 server',
    ],
    [
      'in a helper that is required',
      { 'index.ts': "require('./a.cjs')", 'a.cjs': 'Bun.serve()' },
      'a.cjs:1:1 server',
    ],
    [
      'in a worker',
      { 'index.ts': "new Worker(new URL('./a.ts', import.meta.url).href)", 'a.ts': 'Bun.serve()' },
      'a.ts:1:1 server',
    ],
    [
      'in a shared file beside the plugin',
      { 'index.ts': "import '../_shared/a.ts'", '../_shared/a.ts': 'Bun.serve()' },
      '../_shared/a.ts:1:1 server',
    ],
    [
      'passed on by a helper',
      {
        'index.ts': "import { start } from './a.ts'\nstart({})",
        'a.ts': "export { serve as start } from 'bun'",
      },
      'index.ts:2:1 server',
    ],
    [
      'passed on with everything',
      {
        'index.ts': "import { createServer } from './a.ts'\ncreateServer()",
        'a.ts': "export * from 'node:http'",
      },
      'index.ts:2:1 server',
    ],
    [
      'passed on as a namespace',
      {
        'index.ts': "import { web } from './a.ts'\nweb.createServer()",
        'a.ts': "export * as web from 'node:http'",
      },
      'index.ts:2:1 server',
    ],
    [
      'passed on as a default',
      {
        'index.ts': "import go from './a.ts'\ngo({})",
        'a.ts': 'const { serve } = Bun\nexport default serve',
      },
      'index.ts:2:1 server',
    ],
    [
      'passed on as a constant',
      {
        'index.ts': "import * as a from './a.ts'\na.tools.go({})",
        'a.ts': 'export const tools = { go: Bun.serve }',
      },
      'index.ts:2:1 server',
    ],
    [
      'in a circle of files',
      {
        'index.ts': "import { a } from './a.ts'\nexport const b = Bun\na.serve({})",
        'a.ts': "import { b } from './index.ts'\nexport const a = b",
      },
      'index.ts:3:1 server',
    ],
    [
      'made by a helper and opened by the entry',
      {
        'index.ts': "import { app } from './a.ts'\napp.listen(1)",
        'a.ts': "import e from 'express'\nexport const app = e()",
      },
      'index.ts:2:1 port',
    ],
    [
      'made by the entry and opened by a helper',
      {
        'index.ts': "import e from 'express'\nimport { go } from './a.ts'\ngo(e())",
        'a.ts': 'export function go(app) {\n  app.listen(1)\n}',
      },
      'a.ts:2:3 port',
    ],
    [
      'behind an alias of package.json',
      {
        'index.ts': "import '#a'",
        'lib/a.ts': 'Bun.serve()',
        'package.json': '{ "imports": { "#*": "./lib/*.ts" } }',
      },
      'lib/a.ts:1:1 server',
    ],
    [
      'behind an alias of tsconfig.json',
      {
        'index.ts': "import '@/a'",
        'lib/a.ts': 'Bun.serve()',
        'tsconfig.json': '{ /* as in JavaScript */ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }',
      },
      'lib/a.ts:1:1 server',
    ],
    [
      'behind the entry that package.json names',
      {
        'src/main.ts': 'Bun.serve()',
        'package.json': '{ "exports": { ".": { "types": "./x.d.ts", "bun": "./src/main.ts" } } }',
      },
      'src/main.ts:1:1 server',
    ],
  ]
  test.each(cases)('%s', (_, sources, ...expected) => {
    expect(found(sources)).toEqual(expected)
  })
})

describe('an app as the default export is found', () => {
  const cases: [sentence: string, sources: Sources, ...expected: string[]][] = [
    ['as an object with fetch', 'export default { port: 80, fetch() {} }', 'index.ts:1:1 app'],
    [
      'as an object behind satisfies',
      'const server = { fetch }\nexport default server satisfies Serve',
      'index.ts:2:1 app',
    ],
    [
      'as a Hono',
      "import { Hono } from 'hono'\nconst app = new Hono()\nexport default app",
      'index.ts:3:1 app',
    ],
    [
      'as a chain of Hono',
      "import { Hono } from 'hono'\nexport default new Hono().get('/', x)",
      'index.ts:2:1 app',
    ],
    [
      'as an OpenAPIHono',
      "import { OpenAPIHono as H } from '@hono/zod-openapi'\nexport { app as default }\nconst app = new H()",
      'index.ts:2:10 app',
    ],
    [
      'as a class of its own',
      "import { Hono } from 'hono'\nclass App extends Hono {}\nexport default new App()",
      'index.ts:3:1 app',
    ],
    ['as a class with fetch', 'export default class {\n  static fetch() {}\n}', 'index.ts:1:1 app'],
    [
      'as what a function gives',
      'export default make()\nfunction make() {\n  return { fetch }\n}',
      'index.ts:1:1 app',
    ],
    [
      'in another file',
      { 'index.ts': "export { default } from './a.ts'", 'a.ts': 'export default { fetch }' },
      'index.ts:1:10 app',
    ],
  ]
  test.each(cases)('%s', (_, sources, ...expected) => {
    expect(found(sources)).toEqual(expected)
  })
})

describe('the end of the process is found', () => {
  const cases: [sentence: string, sources: Sources, ...expected: string[]][] = [
    ['as process.exit', 'process.exit(1)', 'index.ts:1:1 exit'],
    ['imported', "import { exit } from 'node:process'\nexit()", 'index.ts:2:1 exit'],
    ['through globalThis', "globalThis['process'].abort()", 'index.ts:1:1 exit'],
  ]
  test.each(cases)('%s', (_, sources, ...expected) => {
    expect(found(sources)).toEqual(expected)
  })
})

describe('an import that is not the plugin’s to make is found', () => {
  const cases: [sentence: string, sources: Sources, ...expected: string[]][] = [
    [
      'from the inside of the Core',
      "import { x } from '../../core/loader/plugin-loader.ts'",
      'index.ts:1:19 core-import',
    ],
    [
      'from the Core as a package',
      "import { x } from 'home-console/core/bus/event-bus.ts'",
      'index.ts:1:19 core-import',
    ],
    [
      'from the Core for types only',
      "import type { X } from '../../core/config.ts'",
      'index.ts:1:24 core-import',
    ],
    [
      'from another plugin',
      { 'index.ts': "import { x } from '../weather/index.ts'", '../weather/index.ts': '' },
      'index.ts:1:19 plugin-import',
    ],
    [
      'from a plugin that is one file',
      { 'index.ts': "import { x } from '../weather'", '../weather.ts': '' },
      'index.ts:1:19 plugin-import',
    ],
    [
      'as a type of another file than the contract',
      "import type { X } from '../weather/index.ts'",
      'index.ts:1:24 plugin-import',
    ],
    ['as a type in a type', "let x: import('../weather/index.ts').X", 'index.ts:1:15 plugin-import'],
    [
      'of a contract at run time',
      { 'index.ts': "import { X } from '../weather/contract.ts'", '../weather/contract.ts': '' },
      'index.ts:1:19 plugin-import',
    ],
    [
      'of a contract that stays an import',
      "import { type X } from '../weather/contract.ts'",
      'index.ts:1:24 plugin-import',
    ],
    [
      'of a plugin that is installed as a package',
      {
        'index.ts': "import { x } from '@ada/weather/inside'\nimport type { Y } from '@ada/weather/contract'",
        'node_modules/@ada/weather/package.json': '{ "keywords": ["home-console-plugin"] }',
      },
      'index.ts:1:19 plugin-import',
    ],
    [
      'of a contract, late, required or passed on',
      "const a = await import('../weather/contract.ts')\nconst b = require('../weather/contract')\nexport { c } from '../weather/contract.ts'\nexport * from '../weather/contract.ts'",
      'index.ts:1:24 plugin-import',
      'index.ts:2:19 plugin-import',
      'index.ts:3:19 plugin-import',
      'index.ts:4:15 plugin-import',
    ],
    [
      'of a contract for what it does alone',
      "import '../weather/contract.ts'\nimport {} from '../weather/contract.ts'",
      'index.ts:1:8 plugin-import',
      'index.ts:2:16 plugin-import',
    ],
    [
      'of a file that is called contract and is not the contract',
      "import type { X } from '../weather/parts/contract.ts'\nimport type { Y } from '../weather/contract-parts.ts'",
      'index.ts:1:24 plugin-import',
      'index.ts:2:24 plugin-import',
    ],
    ['of another plugin’s table', "import a from '../weather/a.json'", 'index.ts:1:15 plugin-import'],
    [
      'by a worker',
      "new Worker(new URL('../weather/worker.ts', import.meta.url))",
      'index.ts:1:20 plugin-import',
    ],
    [
      'in a helper of which only types are used',
      {
        'index.ts': "import type { A } from './a.ts'",
        'a.ts': "export type { B as A } from './b.ts'",
        'b.ts': "import type { X } from '../weather/index.ts'",
      },
      'b.ts:1:24 plugin-import',
    ],
    [
      'in a contract that the plugin itself does not import',
      { 'index.ts': '', 'contract.ts': "import { Rain } from '../weather/contract.ts'" },
      'contract.ts:1:22 plugin-import',
    ],
    [
      'in a file that plugins share',
      { 'index.ts': "import '../_shared/a.ts'", '../_shared/a.ts': "import '../weather/index.ts'" },
      '../_shared/a.ts:1:8 plugin-import',
    ],
    [
      'from a plugin of another folder of plugins',
      {
        'index.ts':
          "import { x } from '../../more/weather/index.ts'\nimport type { Y } from '../../more/weather/contract.ts'",
        '../../more/weather/package.json': '{ "keywords": ["home-console-plugin"] }',
        '../../more/weather/index.ts': '',
      },
      'index.ts:1:19 plugin-import',
    ],
    ['of a file that is not there', "export * from './gone.ts'", 'index.ts:1:15 missing-file'],
  ]
  test.each(cases)('%s', (_, sources, ...expected) => {
    expect(found(sources)).toEqual(expected)
  })
})

describe('what cannot be read is said', () => {
  const cases: [sentence: string, sources: Sources, ...expected: string[]][] = [
    ['a folder without an entry', { 'lamp.ts': '' }, 'index.ts:1:1 entry'],
    [
      'an entry that package.json names in vain',
      { 'index.ts': '', 'package.json': '{ "exports": "./main.ts" }' },
      'main.ts:1:1 entry',
    ],
    ['an entry that does not parse', 'const a = 1\nconst b = (', 'index.ts:2:12 syntax'],
    [
      'a helper that does not parse',
      { 'index.ts': "import './a.ts'\nBun.serve()", 'a.ts': '}' },
      'a.ts:1:1 syntax',
      'index.ts:2:1 server',
    ],
    ['a name that is declared twice', 'let a\nlet a', 'index.ts:1:5 syntax'],
    ['a package.json that is no JSON', { 'index.ts': '', 'package.json': '{' }, 'package.json:1:1 syntax'],
  ]
  test.each(cases)('%s', (_, sources, ...expected) => {
    expect(found(sources)).toEqual(expected)
  })
})

describe('no offence is', () => {
  const cases: [sentence: string, sources: Sources][] = [
    [
      'a sub-router',
      "import { Hono } from 'hono'\nexport default { onLoad(ctx) { const r = ctx.router(); r.route('/x', new Hono().get('/', h)); return r } }",
    ],
    [
      'an app that only a helper exports',
      {
        'index.ts': "export * from './a.ts'",
        'a.ts': "import { Hono } from 'hono'\nexport default new Hono()",
      },
    ],
    [
      'handing a request to a sub-router',
      "import { OpenAPIHono } from '@hono/zod-openapi'\nconst r = new OpenAPIHono()\nr.fetch(request)",
    ],
    ['a plugin that has a method called fetch', 'export default { onLoad() {}, fetch() {} }'],
    [
      'an instance of a class with onLoad',
      'class Weather { onLoad() {} fetch() {} }\nexport default new Weather()',
    ],
    [
      'what definePlugin gives',
      "import { definePlugin } from '@home-console/sdk'\nexport default definePlugin({ onLoad() {} })",
    ],
    [
      'a UDP socket',
      "import dgram from 'node:dgram'\ndgram.createSocket('udp4').bind(5353)\nawait Bun.udpSocket({})",
    ],
    [
      'a connection to the outside',
      "import net from 'node:net'\nimport http from 'http'\nnet.connect(1)\nnet.createConnection(1)\nnew net.Socket()\nBun.connect({})\nhttp.get('http://x')\nfetch('http://x')\nnew WebSocket('ws://x')",
    ],
    ['an express that nobody opens', "import express from 'express'\nconst app = express()\napp.use(x)"],
    ['a client of ws', "import { WebSocket } from 'ws'\nnew WebSocket('ws://x')"],
    ['a function of its own called serve', 'function serve() {}\nserve()'],
    ['a listen of its own', 'const emitter = { listen() {} }\nemitter.listen()\nthis.bus.listen(80)'],
    [
      'a helper called listen',
      {
        'index.ts': "import { listen } from './a.ts'\nlisten(80)",
        'a.ts': 'export function listen(port) {}',
      },
    ],
    ['a parameter called Bun', 'const f = (Bun) => Bun.serve({})'],
    ['a variable called Bun', 'const Bun = { serve() {} }\nBun.serve()'],
    ['a variable in a block called process', '{ let process = x; process.exit() }'],
    ['a caught error called Bun', 'try {} catch (Bun) { Bun.serve() }'],
    ['a var of a function called Bun', 'function f() { if (x) { var Bun = y } Bun.serve() }'],
    ['a class of its own called Server', 'class Server { listen() {} }\nnew Server().listen(80)'],
    [
      'a type',
      "import type { serve } from 'bun'\nimport { type Server } from 'node:net'\nlet s: typeof serve\nlet t: Server\nlet u: import('node:http').Server",
    ],
    [
      'a class that is used as a type',
      "import { Server } from 'node:net'\nlet s: Server | ReturnType<typeof Bun.serve>",
    ],
    [
      'asking what something is',
      "import { Server } from 'node:net'\nif (x instanceof Server || typeof Bun.serve === 'function') {}",
    ],
    [
      'text and comments',
      "// Bun.serve({})\nconst text = 'Bun.serve({})' /* process.exit() */\nconst code = `import { serve } from 'bun'`",
    ],
    [
      'a property that is called serve',
      'const o = { serve: 1, process: { exit: 2 } }\no.serve\no.process.exit()',
    ],
    [
      'a declaration that is for the compiler only',
      'declare global { var x: typeof Bun.serve }\ndeclare function serve(): void',
    ],
    ['an exit code', 'process.exitCode = 1\nprocess.on("exit", f)'],
    ['a test beside the plugin', { 'index.ts': '', 'index.test.ts': 'Bun.serve({})' }],
    ['a file that nobody imports', { 'index.ts': '', 'dev.ts': 'Bun.serve({})' }],
    [
      'a file of which only types are used',
      { 'index.ts': "import type { X } from './a.ts'", 'a.ts': 'Bun.serve({})' },
    ],
    [
      'what a package does',
      {
        'index.ts': "import 'express'\nimport './node_modules/express/index.js'",
        'node_modules/express/index.js': 'Bun.serve()',
      },
    ],
    [
      'a picture, a page, a table',
      {
        'index.ts': "import a from './a.json'\nimport b from './b.html' with { type: 'text' }",
        'a.json': '{}',
        'b.html': '<p>',
      },
    ],
    [
      'the contract of another plugin as types',
      "import type { X } from '../weather/contract.ts'\nexport type { Y } from '../weather/contract'\nlet z: import('../weather/contract.js').Z",
    ],
    ['a file that plugins share', { 'index.ts': "import '../_shared/a.ts'", '../_shared/a.ts': '' }],
    [
      'a library outside the folder of plugins',
      { 'index.ts': "import '../../library/a.ts'", '../../library/a.ts': '' },
    ],
    [
      'a folder of its own called core',
      {
        'src/index.ts': "import '../core/a.ts'",
        'core/a.ts': '',
        'package.json': '{ "exports": "./src/index.ts" }',
      },
    ],
    [
      'an enum, a namespace, a decorator, a generator, a label',
      '@sealed class A { accessor x = 1; static { a() } }\nenum E { a = 1 }\nnamespace N { export const b = 2 }\nfunction* g() { yield 1 }\nouter: for (const x of y) { continue outer }',
    ],
  ]
  test.each(cases)('%s', (_, sources) => {
    expect(found(sources)).toEqual([])
  })
})

test('a plugin in one file is checked, and its neighbours are plugins of their own', () => {
  using folder = pluginsFolder({
    'lamp.ts': "import './util.ts'\nimport './_util.ts'\nBun.serve({})",
    'util.ts': '',
    '_util.ts': '',
  })
  expect(checkPlugin(`${folder.path}/lamp.ts`).map(({ line, rule }) => `${line} ${rule}`)).toEqual([
    '1 plugin-import',
    '3 server',
  ])
})

test('a long chain of calls takes no longer than a short one', () => {
  const chain = `new Hono()${".get('/', (c) => c.text('x'))".repeat(200)}`
  expect(found(`import { Hono } from 'hono'\nexport default ${chain}`)).toEqual(['index.ts:2:1 app'])
})

test('the plugins of this house are in order', () => {
  const plugins = `${import.meta.dir}/../../plugins`
  for (const name of readdirSync(plugins))
    expect([name, checkPlugin(`${plugins}/${name}`)]).toEqual([name, []])
})

test('an import between plugins is refused with what to do instead', () => {
  using folder = pluginsFolder({
    'lamp/index.ts': "import '../weather/index.ts'\nimport { X } from '../weather/contract.ts'",
  })
  expect(checkPlugin(`${folder.path}/lamp`).map(({ message, instead }) => [message, instead])).toEqual([
    [
      '"../weather/index.ts" is inside the plugin "weather"',
      '`import type` its contract.ts, and talk through events and services; a file that several share lies under a name that begins with _',
    ],
    [
      '"../weather/contract.ts" loads code of the plugin "weather"',
      'write `import type`: its types are all that is yours',
    ],
  ])
})

test('each finding says what it is and what to do instead', () => {
  using folder = pluginsFolder({ 'lamp/index.ts': 'Bun.serve({})' })
  expect(checkPlugin(`${folder.path}/lamp`)).toEqual([
    {
      file: `${folder.path}/lamp/index.ts`,
      line: 1,
      column: 1,
      rule: 'server',
      message: 'Bun.serve starts a server',
      instead:
        'return a router from onLoad and the Core serves it; what needs a server of its own is an external service',
    },
  ])
})
