// Where a redirect of a service leads: into the service, which is under the adapter's prefix, or elsewhere.

export interface Addresses {
  /** The service's origin, and that under which it was really called. */
  readonly origins: readonly string[]
  /** What was asked of it, absolute. */
  readonly asked: string
  /** Where the adapter is, and what goes before its paths at the service. */
  readonly prefix: string
  readonly base: string
}

/**
 * The `Location` as its client must read it. One into the service is led through the adapter; one to another site is the
 * client's to follow.
 *
 * @returns null for one that no client should follow
 */
export function locationFor(location: string, { origins, asked, prefix, base }: Addresses): string | null {
  const url = URL.parse(location, asked)
  if (url === null || !/^https?:$/.test(url.protocol)) return null
  if (!origins.includes(url.origin)) return url.href
  // It has been told of the prefix, and minds it.
  if (url.pathname.startsWith(`${prefix}/`)) return url.pathname + url.search + url.hash
  const inside = url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : url.pathname
  return prefix + inside + url.search + url.hash
}
