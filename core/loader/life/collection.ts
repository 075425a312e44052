// Has what closed generations left behind collected, before it makes the heap grow for good.

/** In a burst of swaps the heap would keep its high-water mark: after so many a full collection pays for its pause. */
const BURST = 25
/** Otherwise the collection is asked for when nothing was closed for this long, in ms, and is done aside. */
const QUIET_MS = 1_000

let changes = 0
let due: Timer | undefined

/** Generations are about to be closed, of one plugin or of many that changed together: that counts once. */
export function countChange(): void {
  changes++
}

/** A generation was closed, and all of it is garbage now. */
export function collectSoon(): void {
  clearTimeout(due)
  const burst = changes >= BURST
  // On a turn of its own: the stack of this one may still hold the generation.
  due = setTimeout(collect, burst ? 0 : QUIET_MS, burst).unref()
}

/** @param full waits until it is done, which blocks the loop for some twenty ms, and gives the memory back */
function collect(full: boolean): void {
  changes = 0
  Bun.gc(full)
}
