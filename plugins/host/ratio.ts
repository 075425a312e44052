// How a share of a whole is told: 0 to 1, with four digits.

/** `part / whole`, or null where there is no whole to speak of. */
export function ratio(part: number | null, whole: number | null): number | null {
  if (part === null || whole === null || !(whole > 0)) return null
  return Math.round(Math.min(Math.max(part / whole, 0), 1) * 10_000) / 10_000
}
