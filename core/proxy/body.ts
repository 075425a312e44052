// Bodies on their way through: handed on piece by piece, as fast as the slower side takes them.

/** Told of what passes. */
export interface Watcher {
  /** Something passed, or may now pass. */
  moved(): void
  /** It came to its end, or the reader does not want the rest. */
  ended(): void
  /** It broke. Gives what its reader is told. */
  broken(error: unknown): unknown
}

/** The same body, read as the Core and under watch. Whoever gives nothing more breaks it through `breaks`. */
export function watched(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  watcher: Watcher,
  asCore: <T>(run: () => T) => T,
  breaks?: (fail: (error: unknown) => void) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader()
  let wanted = true
  return new ReadableStream(
    {
      start: (controller) => breaks?.((error) => controller.error(error)),
      pull: (controller) =>
        asCore(async () => {
          try {
            watcher.moved()
            const { done, value } = await reader.read()
            if (!wanted) return
            watcher.moved()
            if (!done) return controller.enqueue(value)
            watcher.ended()
            controller.close()
          } catch (error) {
            if (wanted) controller.error(watcher.broken(error))
          }
        }),
      cancel: (reason) =>
        asCore(() => {
          wanted = false
          watcher.ended()
          return reader.cancel(reason)
        }),
    },
    { highWaterMark: 0 },
  )
}
