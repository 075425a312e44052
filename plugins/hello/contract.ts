// What other plugins may know of this one. They write `import type` of this file, and of no other.

import type { EventsOf } from '@home-console/sdk'
import * as v from 'valibot'

/** The data of `hello.greeted`. It is checked whenever the event is emitted: a fact that does not fit is not told. */
export const Greeted = v.object({
  name: v.pipe(v.string(), v.description('Who was greeted')),
  by: v.pipe(v.string(), v.description('Who asked for it')),
})

/** What this plugin emits, and the data of each. */
export const events = { 'hello.greeted': Greeted }

// From here on `ctx.events.on('hello.greeted', …)` knows its data, in every plugin.
declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
}
