// Finds who would miss what a provider's new version no longer offers.

import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { Offer, ServiceRegistry } from './service-registry.ts'
import type { Use } from './use.ts'

export interface LostMethod {
  service: string
  method: string
  /** The plugin that calls it. */
  user: string
}

/**
 * A plugin calls a method when it took it from its handle since it was loaded, or when one of its files names it as a
 * member: the files are read only when a method was lost. What the plugin itself uses swaps with it.
 *
 * @param plugin id of the provider
 * @param before what its version that serves, or served until now, offers
 * @param after what its next version offers
 */
export function lostMethods(
  registry: ServiceRegistry,
  plugin: string,
  before: readonly Offer[],
  after: readonly Offer[],
): LostMethod[] {
  const offered = new Map(after.map(({ name, methods }) => [name, new Set(methods)]))
  const found = before.flatMap(({ name: service, methods }) => {
    const lost = methods.filter((method) => !offered.get(service)?.has(method))
    if (lost.length === 0) return []
    return registry
      .usesOf(service)
      .filter(({ user }) => user.id !== plugin)
      .flatMap((use) => called(use, lost).map((method) => ({ service, method, user: use.user.id })))
  })
  return found.sort((a, b) => (a.user < b.user ? -1 : 1))
}

const CODE = /^\.[cm]?[jt]sx?$/

function called({ methods, user }: Use, lost: readonly string[]): string[] {
  const taken = new Set(methods)
  let source: string | undefined
  return lost.filter((method) => {
    if (taken.has(method)) return true
    source ??= Array.from(user.files, textOf).join('\n')
    return names(source, method)
  })
}

/** Whether a text has `.method`, as a whole word. */
function names(source: string, method: string): boolean {
  return new RegExp(`\\.\\s*${RegExp.escape(method)}(?![\\w$])`).test(source)
}

/** A file that cannot be read names nothing. */
function textOf(file: string): string {
  if (!CODE.test(extname(file))) return ''
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
