// What the tests of external services have in common: a house with an adapter, and servers for it to stand for.

import { join } from 'node:path'
import { startTestHouse, type TestHouse, type TestHouseOptions } from '@home-console/sdk/testing'
import type { ExternalView } from '../../core/external/external-service.ts'
import type { PluginView } from '../../core/loader/plugin-loader.ts'
import { until } from '../until.ts'

export const CREDENTIAL = 'a-credential-of-this-test'

/** An adapter of the service `clients`. */
export const adapter = (members = '', load = '') => `
  import { definePlugin } from '@home-console/sdk'
  export default definePlugin({
    external: 'clients',
    ${members === '' ? '' : `${members},`}
    onLoad(ctx) { ${load} },
  })`

export const manifest = (members: Record<string, unknown> = {}) =>
  JSON.stringify({
    name: 'clients',
    version: '1.0.0',
    health: { everyMs: 100, timeoutMs: 1_000 },
    ...members,
  })

/** A house with the adapter `adapter` of the service `clients`. */
export function houseWithAdapter(
  service: Readonly<Record<string, string>> | null,
  { plugin = adapter(), ...options }: TestHouseOptions & { plugin?: string } = {},
): Promise<TestHouse> {
  return startTestHouse({
    ...options,
    plugins: { adapter: { 'index.ts': plugin }, ...options.plugins },
    ...(service !== null && { external: { clients: service } }),
  })
}

export function clientsOf(house: TestHouse): ExternalView {
  return house.runtime.external.find('clients')!.view()
}

export function adapterOf(house: TestHouse): PluginView {
  return house.runtime.loader.view('adapter')!
}

/** Waits until the service is in this state. */
export function inState(house: TestHouse, state: string, ms?: number): Promise<ExternalView> {
  return until(
    `clients is ${state}`,
    () => {
      const view = house.runtime.external.find('clients')?.view()
      return view?.state === state && view
    },
    ms,
  )
}

/** What the service answers now, through its reach, as the proxy would call it. */
export async function ask(house: TestHouse, path: string): Promise<string> {
  const { reach, trouble } = house.runtime.external.find('clients')!
  if (reach === null) throw new Error(trouble!)
  reach.begin()
  try {
    const response = await fetch(reach.origin + path, {
      headers: { Authorization: `Bearer ${reach.credential}` },
    })
    return await response.text()
  } finally {
    reach.end()
  }
}

export const folderOf = (house: TestHouse, ...names: string[]) => join(house.folder, 'external', ...names)

/** A small service: says who it is and what it was given, and takes its time where it is asked to. */
export const server = (word = 'well', before = '') => `
  ${before}
  Bun.serve({
    hostname: process.env.HOST,
    port: Number(process.env.PORT),
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === '/slow') await Bun.sleep(Number(searchParams.get('ms')))
      if (pathname === '/pid') return new Response(String(process.pid))
      if (pathname === '/environment') return Response.json(process.env)
      if (pathname === '/arguments') return Response.json(process.argv.slice(2))
      return new Response('${word}')
    },
  })`

export const startable = (start: Record<string, unknown> = {}, members: Record<string, unknown> = {}) =>
  manifest({ start: { command: ['bun', 'main.ts'], readyMs: 5_000, stopMs: 1_000, ...start }, ...members })

/** The files of a service that the Core can start. */
export const embedded = (main = server(), service = startable()) => ({
  'service.json': service,
  'main.ts': main,
})
