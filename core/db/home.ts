// Where the house stands: one setting of the owner's, read by everybody.

import * as v from 'valibot'
import type { CoreDatabase } from './core-database.ts'
import { readSetting, writeSetting } from './setting.ts'

const HomeSchema = v.object({
  timeZone: v.pipe(v.string(), v.check(isTimeZone, 'must be an IANA time zone such as Europe/Berlin')),
  locale: v.pipe(v.string(), v.check(isLocale, 'must be a BCP 47 language tag such as de-DE')),
  latitude: v.nullable(v.pipe(v.number(), v.minValue(-90), v.maxValue(90))),
  longitude: v.nullable(v.pipe(v.number(), v.minValue(-180), v.maxValue(180))),
  units: v.picklist(['metric', 'imperial']),
})

export type HomeValues = v.InferOutput<typeof HomeSchema>

export class HomeSettings {
  readonly #db: CoreDatabase
  #values: HomeValues

  /** @param timeZone the system's */
  constructor(db: CoreDatabase, timeZone: string) {
    this.#db = db
    const stored = readSetting(db, 'home')
    const known = v.is(v.partial(HomeSchema), stored) ? stored : {}
    this.#values = Object.defineProperties(defaults(timeZone), Object.getOwnPropertyDescriptors(known))
  }

  get values(): HomeValues {
    return this.#values
  }

  /** What of a change does not fit, or null. */
  misfit(change: Partial<HomeValues>): { key: string; message: string } | null {
    const [issue] = v.safeParse(HomeSchema, { ...this.#values, ...change }).issues ?? []
    return issue === undefined ? null : { key: v.getDotPath(issue) ?? '', message: issue.message }
  }

  /** @throws ValiError naming what does not fit; StorageTrouble */
  change(change: Partial<HomeValues>): HomeValues {
    const value = v.parse(HomeSchema, { ...this.#values, ...change })
    writeSetting(this.#db, 'home', value)
    this.#values = value
    return value
  }
}

function defaults(timeZone: string): HomeValues {
  return {
    timeZone,
    // Only when somebody asks: Intl weighs 5 MB, and most houses never do.
    get locale() {
      return Intl.DateTimeFormat().resolvedOptions().locale
    },
    latitude: null,
    longitude: null,
    units: 'metric',
  }
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
