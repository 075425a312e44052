// Where the sun stands and when it takes its turns, as seen from one place. Knows no clock: each question has its time.

import { getPosition, getTimes } from 'suncalc'
import type { Day, Position, Turn } from './contract.ts'

export interface Place {
  readonly latitude: number
  readonly longitude: number
  /** IANA name. */
  readonly timeZone: string
}

export interface Turning {
  readonly turn: Turn
  /** Ms since the epoch. */
  readonly at: number
}

const DAY_MS = 86_400_000
const SEARCH_DAYS = 366

/** The date at a place, such as `2026-06-21`. */
export function dateOf(time: number, { timeZone }: Place): string {
  return Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timeZone).toPlainDate().toString()
}

export function dayOf(date: string, place: Place): Day {
  // Noon by the clock is never far from noon by the sun, and no zone changes its clocks at noon.
  const noon = Temporal.PlainDate.from(date).toZonedDateTime({
    timeZone: place.timeZone,
    plainTime: '12:00',
  }).epochMilliseconds
  const times = solarDay(noon, place)
  const said = (time: Date | null) => time?.toISOString() ?? null
  return {
    date,
    dawn: said(times.dawn),
    rise: said(times.sunrise),
    noon: times.solarNoon.toISOString(),
    set: said(times.sunset),
    dusk: said(times.dusk),
    polar: times.alwaysUp ? 'day' : times.alwaysDown ? 'night' : null,
  }
}

export function positionOf(time: number, { latitude, longitude }: Place): Position {
  const at = new Date(time)
  const { altitude, azimuth } = getPosition(at, latitude, longitude)
  return { time: at.toISOString(), elevationDegrees: rounded(altitude), azimuthDegrees: rounded(azimuth) }
}

/** All turns after one moment and up to another, in order. */
export function turnsBetween(after: number, until: number, place: Place): Turning[] {
  const turns: Turning[] = []
  // Where the sun sets after midnight, the turns of a solar day reach into the next: so one more at each end.
  for (let noon = noonNear(after - DAY_MS, place); noon < until + 2 * DAY_MS; noon += DAY_MS)
    turns.push(...turnsOf(noon, place).filter(({ at }) => at > after && at <= until))
  return turns.sort((one, other) => one.at - other.at)
}

/** The first of these turns after a moment; null where there is none within a year. */
export function nextTurn(wanted: readonly Turn[], after: number, place: Place): Turning | null {
  for (let day = 0; day < SEARCH_DAYS; day++) {
    const from = after + day * DAY_MS
    const next = turnsBetween(from, from + DAY_MS, place).find(({ turn }) => wanted.includes(turn))
    if (next !== undefined) return next
  }
  return null
}

/** Whether it has risen and not yet set. */
export function isUp(time: number, place: Place): boolean {
  const { alwaysUp = false, sunrise, sunset } = solarDay(time, place)
  return sunrise === null || sunset === null ? alwaysUp : +sunrise <= time && time < +sunset
}

function turnsOf(noon: number, place: Place): Turning[] {
  const { dawn, sunrise, solarNoon, sunset, dusk } = solarDay(noon, place)
  const times: Record<Turn, Date | null> = { dawn, rise: sunrise, noon: solarNoon, set: sunset, dusk }
  return Object.entries(times).flatMap(([turn, time]) =>
    time === null ? [] : { turn: turn as Turn, at: time.getTime() },
  )
}

function noonNear(time: number, place: Place): number {
  return solarDay(time, place).solarNoon.getTime()
}

/** Of the noon that is nearest. */
function solarDay(time: number, { latitude, longitude }: Place) {
  return getTimes(new Date(time), latitude, longitude)
}

/** To a hundredth of a degree: the sun takes some seconds for it. */
function rounded(degrees: number): number {
  return Math.round(degrees * 100) / 100
}
