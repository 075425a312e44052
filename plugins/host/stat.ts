// What remains of many values of one metric: enough to tell their peaks and their average, and to add more.

/** The least and the greatest of them, their sum, and how many they were. */
export type Stat = readonly [min: number, max: number, sum: number, count: number]

/** Of one value; null of one that is not known. */
export function statOf(value: number | null): Stat | null {
  return value === null ? null : [value, value, value, 1]
}

/** Of both together; null when there is nothing of either. */
export function merged(one: Stat | null, other: Stat | null): Stat | null {
  if (one === null || other === null) return one ?? other
  return [Math.min(one[0], other[0]), Math.max(one[1], other[1]), one[2] + other[2], one[3] + other[3]]
}
