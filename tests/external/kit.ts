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
