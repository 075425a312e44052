// Which backups are kept: the newest of each of so many days, weeks and months that have one.

export interface Policy {
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

const DAY_MS = 24 * 60 * 60 * 1_000

/**
 * Those of the last day are kept whatever the policy: the owner may have made them before trying something.
 *
 * @param times of the backups, in ms since the epoch
 * @returns those that are to be kept
 */
export function keptBy(policy: Policy, times: readonly number[], now: number, timeZone: string): Set<number> {
  // Swedish writes dates as ISO 8601 does.
  const dates = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' })
  const dayOf = (time: number) => dates.format(time)
  const periods: [count: number, periodOf: (time: number) => string | number][] = [
    [policy.daily, dayOf],
    [policy.weekly, (time) => mondayBefore(dayOf(time))],
    [policy.monthly, (time) => dayOf(time).slice(0, 'yyyy-mm'.length)],
  ]
  const oldestFirst = times.toSorted((one, other) => one - other)
  const kept = new Set(oldestFirst.filter((time) => now - time < DAY_MS))
  for (const [count, periodOf] of periods) {
    const newestOf = new Map(oldestFirst.map((time) => [periodOf(time), time]))
    const newestFirst = [...newestOf.values()].toSorted((one, other) => other - one)
    for (const time of newestFirst.slice(0, count)) kept.add(time)
  }
  return kept
}

/** Of a date without a zone; in ms since the epoch. */
function mondayBefore(date: string): number {
  const day = Date.parse(date) / DAY_MS
  // The epoch was a Thursday.
  return day - ((day + 3) % 7)
}
