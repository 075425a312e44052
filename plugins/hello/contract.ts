// What other plugins may know of this one. They write `import type` of this file, and of no other.

import * as v from 'valibot'

/** The data of `hello.greeted`. It is checked whenever the event is emitted: a fact that does not fit is not told. */
export const Greeted = v.object({
  name: v.pipe(v.string(), v.description('Who was greeted')),
  by: v.pipe(v.string(), v.description('Who asked for it')),
})

// From here on `ctx.events.on('hello.greeted', …)` knows its data, in every plugin.
declare module '@home-console/sdk' {
  interface Events {
    'hello.greeted': v.InferOutput<typeof Greeted>
  }
}
