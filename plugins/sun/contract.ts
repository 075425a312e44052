// What others may know of this plugin: what the sun does, as events, and what can be asked about it, as a service.

import { type EventsOf, z } from '@home-console/sdk'

const moment = z.iso.datetime()
const degrees = z.number()

/** The turns of a solar day, in their order. Where the days or nights have no end, some do not happen. */
export const Turn = z.enum(['dawn', 'rise', 'noon', 'set', 'dusk']).openapi('Turn')
export type Turn = z.infer<typeof Turn>

/** One solar day: the one whose noon falls on that date. In the far north, its sun may set after midnight. */
export const Day = z
  .object({
    date: z.iso.date().describe('By the clock of the home'),
    dawn: moment.nullable().describe('The sun is 6° below the horizon, and rising'),
    rise: moment.nullable().describe('Null where it does not rise on that day'),
    noon: moment.describe('The sun stands highest'),
    set: moment.nullable(),
    dusk: moment.nullable().describe('The sun is 6° below the horizon, and sinking'),
    polar: z.enum(['day', 'night']).nullable().describe('Where the sun does not rise: is it up, or down?'),
  })
  .openapi('Day')
export type Day = z.infer<typeof Day>

export const Position = z
  .object({
    time: moment,
    elevationDegrees: degrees.describe('Above the horizon, as it looks through the air; negative below'),
    azimuthDegrees: degrees.describe('0 is north, 90 east'),
  })
  .openapi('Position')
export type Position = z.infer<typeof Position>

/** When the sun takes a turn. */
export const Turned = z.object({
  time: moment.describe('When it was; the event may come up to an hour later, after a pause of the machine'),
})

export const events = {
  'sun.dawn': Turned,
  'sun.rise': Turned,
  'sun.noon': Turned,
  'sun.set': Turned,
  'sun.dusk': Turned,
  'sun.elevation': Position,
}

/** Each method rejects with Problem `place_unknown` until the owner has said where the home is. */
export interface SunService {
  /** @param date such as `2026-06-21`, by the clock of the home; today unless given */
  times(date?: string): Day
  /** @param time RFC 3339; now unless given */
  position(time?: string): Position
  isUp(): boolean
  /** When the sun takes this turn next, RFC 3339 in UTC; null where it will not within a year. */
  next(turn: Turn): string | null
}

declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
  interface Services {
    sun: SunService
  }
}
