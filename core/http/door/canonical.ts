// The first gate: a URL that could be read in two ways is not read at all.

/**
 * The path of a request, when it is in canonical form.
 *
 * Bun gives a relative `url` for HTTP/1.0 without Host, or for a malformed Host; Hono would then drop its first segment.
 * An escape of a character that needs none, an escaped slash or dot, an empty or dotted segment are other spellings of a
 * path that a guard may know under one name and a router under another (RFC 3986, section 6.2.2).
 *
 * @returns null when it is not
 */
export function canonicalPath(url: string): string | null {
  const authority = url.startsWith('http://') ? 7 : url.startsWith('https://') ? 8 : 0
  if (authority === 0) return null
  const start = url.indexOf('/', authority)
  if (start <= authority) return null
  const query = url.indexOf('?', start)
  const path = query === -1 ? url.slice(start) : url.slice(start, query)
  return isCanonical(path) ? path : null
}

const PLAIN = /^(?:\/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*)*\/?$/

function isCanonical(path: string): boolean {
  if (PLAIN.test(path)) return true
  if (path.includes('//') || path.includes('\\') || path.includes('#')) return false
  for (const segment of path.split('/')) {
    if (segment === '.' || segment === '..') return false
    if (segment.includes('%') && !isCanonicalSegment(segment)) return false
  }
  return true
}

/** Escaped as `encodeURIComponent` does it, or with less. A control character or a slash hides in no segment. */
function isCanonicalSegment(segment: string): boolean {
  let text: string
  try {
    text = decodeURIComponent(segment)
  } catch {
    return false
  }
  if (/[\x00-\x1f\x7f/\\]/.test(text) || text === '.' || text === '..') return false
  for (const [escape] of segment.matchAll(/%[0-9a-fA-F]{2}/g)) {
    if (/[A-Za-z0-9._~-]/.test(String.fromCharCode(Number.parseInt(escape.slice(1), 16)))) return false
  }
  return true
}
