// The sun over the house: tells when it rises and sets, and answers where it stands, as a service and over HTTP.

import { type Home, type Undo, definePlugin, problem, z } from '@home-console/sdk'
import { type SunService, Turn, events } from './contract.ts'
import { Herald } from './herald.ts'
import { addRoutes } from './routes.ts'
import { type Place, dateOf, dayOf, isUp, nextTurn, positionOf } from './sky.ts'

/** How soon it notices that the home has moved. */
const LOOK_MS = 10_000

const UNKNOWN =
  'Nobody has said where the home is. Send its latitude and longitude, in degrees, to PATCH /api/core/home.'

export default definePlugin({
  version: '1.0.0',
  name: 'Sun',
  description: 'When the sun rises and sets over this home, and where it stands',
  scopes: { 'sun.read': 'See when the sun rises and sets' },
  events,
  provides: ['sun'],

  onLoad(ctx) {
    const herald = new Herald(ctx)
    /** Null while nobody has said where; undefined before the first look. */
    let place: Place | null | undefined
    let alarm: Undo | undefined

    /** Tells what has happened, and comes back for what happens next. */
    const tell = (here: Place) => {
      const now = Date.now()
      for (const { turn, at } of herald.news(now, here))
        ctx.events.emit(`sun.${turn}`, { time: new Date(at).toISOString() })
      alarm?.()
      const next = nextTurn(Turn.options, Math.max(now, herald.told), here)
      alarm = next === null ? undefined : ctx.after(next.at - now, () => tell(here))
    }

    /** The owner may say where the house is, or move it, while this runs: `ctx.home` always has the latest. */
    const look = () => {
      const before = place
      place = placeOf(ctx.home)
      if (before !== undefined && isSame(before, place)) return
      if (place === null) {
        alarm?.()
        ctx.status('place', 'degraded', UNKNOWN)
        return
      }
      ctx.status('place', 'ok')
      if (before !== undefined) herald.begin(Date.now())
      tell(place)
    }

    // A moment late: at a start, whoever listens comes up meanwhile. Nothing is lost by it, for `tell` looks back.
    ctx.after(1_000, look)
    ctx.every(LOOK_MS, look)
    ctx.every('*/5 * * * *', () => {
      const here = placeOf(ctx.home)
      if (here !== null) ctx.events.emit('sun.elevation', positionOf(Date.now(), here))
    })

    const known = (): Place => {
      const here = placeOf(ctx.home)
      if (here === null) throw problem(409, 'place_unknown', UNKNOWN)
      return here
    }
    const sun: SunService = {
      times(date) {
        const here = known()
        return dayOf(checked(z.iso.date().optional(), date) ?? dateOf(Date.now(), here), here)
      },
      position(time) {
        const moment = checked(z.iso.datetime({ offset: true }).optional(), time)
        return positionOf(moment === undefined ? Date.now() : Date.parse(moment), known())
      },
      isUp: () => isUp(Date.now(), known()),
      next(turn) {
        const next = nextTurn([checked(Turn, turn)], Date.now(), known())
        return next && new Date(next.at).toISOString()
      },
    }
    ctx.services.provide('sun', sun)

    const router = ctx.router()
    addRoutes(router, sun)
    return router
  },
})

function placeOf({ latitude, longitude, timeZone }: Home): Place | null {
  return latitude === null || longitude === null ? null : { latitude, longitude, timeZone }
}

/** The sun does not care for time zones. */
function isSame(one: Place | null, other: Place | null): boolean {
  return one?.latitude === other?.latitude && one?.longitude === other?.longitude
}

/** Other plugins may be plain JavaScript: what they ask is looked at before it is answered. */
function checked<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const { success, data, error } = schema.safeParse(value)
  if (!success) throw problem(400, 'invalid_argument', z.prettifyError(error))
  return data
}
