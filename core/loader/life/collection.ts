// Has what closed generations left behind collected when it is quiet. In a burst of swaps that is left to the engine, which
// does it beside the code that runs, as long as that keeps up: a collection that somebody waits for blocks the loop for 20 ms in
// a small house and for 70 in a large one, and the next swaps are slow, as it throws compiled code away as well.

import { heapSize } from 'bun:jsc'

/** It is quiet when nothing was closed for this long, in ms. */
const QUIET_MS = 1_000
/** So many bytes of garbage, of some 25 swaps, are worth giving memory back to the system. */
const MUCH = 10 * 1024 * 1024

/** So much must not pile up in a small machine: it is collected at once, whatever that costs. */
const TOO_MUCH = 64 * 1024 * 1024

/** The least that a collection has left since the last one that was asked for here, in bytes. */
let alive = Infinity
let due: Timer | undefined

/** A generation was closed, and all of it is garbage now. */
export function collectSoon(): void {
  // The size that the last collection found.
  alive = Math.min(alive, heapSize())
  clearTimeout(due)
  // On a turn of its own: the stack of this one may still hold the generation.
  due = (garbage() < TOO_MUCH ? setTimeout(tidy, QUIET_MS) : setTimeout(collect)).unref()
}

/** In bytes, as far as it is known. */
function garbage(): number {
  return heapSize() - alive
}

function tidy(): void {
  if (garbage() < MUCH) return Bun.gc(false)
  alive = Infinity
  Bun.shrink()
}

function collect(): void {
  alive = Infinity
  Bun.gc(true)
}
