// Has what closed generations left behind collected, before it makes the heap grow for good.

/** The heap keeps its high-water mark: after so many generations a collection pays, however busy the house is. */
const MANY = 4
/** Else it waits until nothing was closed for this long, in ms. */
const QUIET_MS = 1_000

let closed = 0
let quiet: Timer | undefined

/** A generation was closed, and all of it is garbage now. */
export function collectSoon(): void {
  clearTimeout(quiet)
  if (++closed >= MANY) collect()
  else quiet = setTimeout(collect, QUIET_MS).unref()
}

function collect(): void {
  closed = 0
  // Not the synchronous kind: that one blocks the loop for some twenty ms.
  Bun.gc(false)
}
