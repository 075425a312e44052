// Has what closed generations left behind collected, before it makes the heap grow for good.

/** In a burst of swaps the heap would keep its high-water mark: after so many a full collection pays for its pause. */
const BURST = 25
/** Otherwise the collection is asked for when nothing was closed for this long, in ms, and is done aside. */
const QUIET_MS = 1_000

/** Since the last collection. */
let changes = 0
/** Since the allocator last gave back what it had kept of earlier ones. */
let kept = 0
let due: Timer | undefined

/** Generations are about to be closed, of one plugin or of many that changed together: that counts once. */
export function countChange(): void {
  changes++
  kept++
}

/** A generation was closed, and all of it is garbage now. */
export function collectSoon(): void {
  clearTimeout(due)
  // On a turn of its own: the stack of this one may still hold the generation.
  due = (changes >= BURST ? setTimeout(collect) : setTimeout(tidy, QUIET_MS)).unref()
}

/** Waits until it is done, which blocks the loop for some twenty ms. */
function collect(): void {
  changes = 0
  Bun.gc(true)
}

/** It is quiet. After a burst there is time to give the memory back, too: 20 MB after a thousand swaps. */
function tidy(): void {
  if (kept < BURST) {
    changes = 0
    Bun.gc(false)
    return
  }
  kept = 0
  collect()
  Bun.shrink()
}
