// What a version serves: the router that `onLoad` returned, mounted, tried and described before anything of it is live.

import type { PluginDefinition, PluginRouter } from '@home-console/sdk'
import { describeRouter, UndescribableError, type DocumentPart } from '../../http/document/openapi.ts'
import { Mount } from '../../http/mount.ts'
import type { MountOwner } from '../../http/request-info.ts'
import { DeclaringRouter } from '../../http/routing/plugin-router.ts'
import { PluginError, positionOf, positionOfText } from '../fault.ts'
import type { PluginSource } from '../files/discovery.ts'

export interface Routes {
  readonly mount: Mount
  readonly document: DocumentPart
}

/** Whose routes they are. */
export interface RoutesOwner extends MountOwner {
  readonly id: string
  readonly prefix: string
  readonly source: PluginSource
  readonly files: ReadonlySet<string>
  readonly definition: PluginDefinition | undefined
}

/** From so many routes on, each step takes some ms, and the house goes on in between. */
const MANY_ROUTES = 10

/**
 * @param returned what `onLoad` returned
 * @param made the routers that it asked for
 * @returns null where there are none
 * @throws PluginError `invalid_router`, `router_not_returned`, `route_collision`, `undescribable_schema`
 */
export async function routesOf(
  returned: unknown,
  made: readonly PluginRouter[],
  owner: RoutesOwner,
): Promise<Routes | null> {
  const { entry } = owner.source
  if (returned === undefined || returned === null) {
    assertNoneForgotten(made, entry)
    return null
  }
  if (!(returned instanceof DeclaringRouter)) {
    throw new PluginError(
      'invalid_router',
      'onLoad returned something that is no router. Return what ctx.router() gives, or nothing.',
      positionOfText(entry, 'onLoad'),
    )
  }
  const breath = returned.routes.length < MANY_ROUTES ? undefined : nextTurn
  await breath?.()
  const mount = new Mount(owner.prefix, returned, owner)
  assertParametersAreThere(mount, entry)
  mount.warmUp()
  await breath?.()
  return { mount, document: described(returned, mount, owner) }
}

function described(router: DeclaringRouter, mount: Mount, owner: RoutesOwner): DocumentPart {
  const { id, prefix, definition, files, source } = owner
  try {
    return describeRouter(router, {
      id,
      description: definition?.description,
      scopes: definition?.scopes,
      prefix,
      accessAt: (method, path) => mount.accessAt(method, path),
      ...(definition?.external !== undefined && { passedOnTo: mount.passedOnTo }),
    })
  } catch (error) {
    if (!(error instanceof UndescribableError)) throw error
    throw new PluginError(error.code, error.message, positionOf(error.at, files) ?? { file: source.entry })
  }
}

/** Routes that nobody returned would be gone without a word. */
function assertNoneForgotten(made: readonly PluginRouter[], entry: string): void {
  const forgotten = made.find(({ routes }) => routes.length > 0)
  if (forgotten === undefined) return
  throw new PluginError(
    'router_not_returned',
    `ctx.router() was given ${forgotten.routes.length} routes, but onLoad returned nothing. Return the router.`,
    positionOfText(entry, 'onLoad'),
  )
}

/** A path at the service that no request could ever be passed on to. */
function assertParametersAreThere({ proxied, prefix }: Mount, entry: string): void {
  for (const { path = '', route } of proxied) {
    const there = parametersOf(route)
    const missing = parametersOf(path).find((name) => !there.includes(name))
    if (missing === undefined) continue
    throw new PluginError(
      'invalid_router',
      `ctx.proxy: "${path}" has {${missing}}, but the route ${route.slice(prefix.length)} has no such parameter.`,
      positionOfText(entry, path),
    )
  }
}

/** Of `/clients/{id}` and of `/clients/:id`. */
function parametersOf(path: string): string[] {
  return [...path.matchAll(/\{([^{}/]+)\}|(?<=\/):([A-Za-z0-9_]+)/g)].map(
    ([, braced, colon]) => braced ?? colon!,
  )
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
