// When a server that takes nothing now asks to be asked again.

/**
 * RFC 9110, section 10.2.3: seconds, or a date.
 *
 * @param now ms since the epoch
 * @returns in ms from now; 0 where nothing is said, or nothing that can be read
 */
export function retryAfter(header: string | null, now: number): number {
  if (header === null) return 0
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  // As HTTP writes dates: a number with a sign or a fraction would be taken for a year.
  const at = /^[A-Z][a-z]{2}/.test(header) ? Date.parse(header) : NaN
  return Number.isNaN(at) ? 0 : Math.max(0, at - now)
}
