// What plugins need of each other, as a graph: who waits for what, and which needs run in a circle.

/** What one version of a plugin needs, and what it offers to others. */
export interface Needs {
  readonly id: string
  /** Names of services. */
  readonly requires: readonly string[]
  readonly provides: readonly string[]
  /** Ids of plugins. */
  readonly dependsOn: readonly string[]
  /** Name of the external service that it stands for; null where it does its work here. */
  readonly external: string | null
}

/** One thing that is needed: a service or an external service by name, or a plugin by id. */
export interface Need {
  readonly kind: 'service' | 'plugin' | 'external'
  readonly name: string
}

export function needsOf({ requires, dependsOn, external }: Needs): Need[] {
  return [
    ...(external === null ? [] : [{ kind: 'external', name: external } as const]),
    ...requires.map((name): Need => ({ kind: 'service', name })),
    ...dependsOn.map((name): Need => ({ kind: 'plugin', name })),
  ]
}

/** What the service.json of an external service, where it is there, is to the house. No plugin has such an id. */
export function offerOfExternal(name: string): Needs {
  return { id: `external/${name}`, requires: [], provides: [], dependsOn: [], external: null }
}

/** Whether one that offers this is what is needed. */
export function meets(offer: Needs, { kind, name }: Need): boolean {
  if (kind === 'external') return offer.id === `external/${name}`
  return kind === 'plugin' ? offer.id === name : offer.provides.includes(name)
}

/** What of its needs nobody in the house meets. */
export function missing(needs: Needs, house: readonly Needs[]): Need[] {
  return needsOf(needs).filter((need) => !house.some((offer) => meets(offer, need)))
}

/** Whether the first needs something that the second offers. */
export function leansOn(needs: Needs, offer: Needs): boolean {
  return needsOf(needs).some((need) => meets(offer, need))
}

export interface Link {
  readonly from: string
  readonly need: Need
  readonly to: string
}

/** The shortest way from a plugin through what it needs back to itself, link by link; null where there is none. */
export function circleThrough(start: Needs, house: readonly Needs[]): Link[] | null {
  const ways: { at: Needs; links: Link[] }[] = [{ at: start, links: [] }]
  const seen = new Set<string>()
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const need of needsOf(way.at)) {
      for (const offer of house) {
        if (!meets(offer, need)) continue
        const links = [...way.links, { from: way.at.id, need, to: offer.id }]
        if (offer.id === start.id) return links
        if (seen.has(offer.id)) continue
        seen.add(offer.id)
        ways.push({ at: offer, links })
      }
    }
  }
  return null
}

/** For people: `"a" requires the service "x" of "b", "b" depends on "a"`. */
export function tellCircle(links: readonly Link[]): string {
  return links
    .map(({ from, need, to }) =>
      need.kind === 'service'
        ? `"${from}" requires the service "${need.name}" of "${to}"`
        : `"${from}" depends on "${to}"`,
    )
    .join(', ')
}

export function tellNeed({ kind, name }: Need): string {
  return `the ${kind === 'external' ? 'external service' : kind} "${name}"`
}

/** What a plugin needs is not there, or would need it in turn: it waits. */
export class NeedsNotMet extends Error {
  override readonly name = 'NeedsNotMet'
  readonly needs: Needs
  readonly circle: readonly Link[] | null

  constructor(needs: Needs, lacking: readonly Need[], circle: readonly Link[] | null) {
    super(
      circle === null
        ? `It waits for ${lacking.map(tellNeed).join(' and ')}.`
        : `It waits for itself: ${tellCircle(circle)}. Take one of these needs away.`,
    )
    this.needs = needs
    this.circle = circle
  }
}
