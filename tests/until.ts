// Waits, but not for ever, until something is so.

/**
 * Looks again and again until what it sees is neither `undefined`, `null` nor `false`, and gives that.
 *
 * @param what is waited for: an error names it
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  ms = 5_000,
): Promise<T> {
  for (const end = Date.now() + ms; ; await Bun.sleep(5)) {
    const found = await look()
    if (found !== undefined && found !== false && found !== null) return found
    if (Date.now() > end) throw new Error(`Waited ${ms} ms for ${what}.`)
  }
}
