// The way back into the Core that takes along which event is being handled, so that what comes of it is known as its work.

import { currentCause, whileHandling } from '../bus/storm.ts'
import { leave } from './border.ts'

/** Like `leave`. What an event is caused by is known only before the plugin's context is left. */
export function leaveHandling<T>(run: () => T): T {
  const cause = currentCause()
  return cause === undefined ? leave(run) : leave(() => whileHandling(cause, run))
}
