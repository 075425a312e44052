// Percentiles and the like over a list of numbers.

/** The smallest value that at least this share of the values does not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile(values, 0.5)

export const p95 = (values: readonly number[]): number => percentile(values, 0.95)

/** The value that neighbours on the machine disturbed least, where they can only make it smaller. */
export const undisturbedMost = (values: readonly number[]): number => percentile(values, 0.9)

/** The same, where they can only make it larger. */
export const undisturbedLeast = (values: readonly number[]): number => percentile(values, 0.1)
