// The body of an answer on its way through: read piece by piece, as fast as the slower side takes it, and under watch.

/** Told of what passes. */
export interface Watcher {
  /** Its reader waits for the next piece. */
  asked(): void
  /** A piece came; it is the reader's turn. */
  given(): void
  /** It came to its end, or the reader does not want the rest. */
  ended(): void
  /** It broke. Gives what its reader is told. */
  broken(error: unknown): unknown
}

type Bytes = Uint8Array<ArrayBuffer>

interface Piece {
  readonly done: boolean
  readonly value?: Uint8Array | undefined
}

/** Where a body comes from, piece by piece. */
export interface BodySource {
  /** Rejects with what its reader is to be told. */
  read(): Promise<Piece>
  /** Nobody wants the rest. */
  cancel(reason: unknown): Promise<void>
}

/**
 * A piece of so many bytes is freed as soon as it is sent. The collector would come for it late: a hundred of them would
 * wait for it, and each new one be made of memory that the system has to clear first, which costs as much as a copy.
 */
const LARGE_BYTES = 64 * 1024

export class CarriedBody implements BodySource {
  readonly #reader: ReadableStreamDefaultReader<Bytes>
  readonly #watcher: Watcher
  readonly #asCore: <T>(run: () => T) => T
  readonly #canFree: ((piece: Bytes) => boolean) | null
  /** The piece that was given last, where it can be let go of. */
  #given: Bytes | undefined
  #wanted = true
  #giveEnd: (() => void) | undefined

  /**
   * @param canFree whether nothing needs the memory of a piece once that was sent; null where a piece is not its reader's
   * alone, who is through with it when it asks for the next
   */
  constructor(
    source: ReadableStream<Bytes>,
    watcher: Watcher,
    asCore: <T>(run: () => T) => T,
    canFree: ((piece: Bytes) => boolean) | null,
  ) {
    this.#reader = source.getReader() as ReadableStreamDefaultReader<Bytes>
    this.#watcher = watcher
    this.#asCore = asCore
    this.#canFree = canFree
  }

  /** The next piece. Rejects with what whoever reads it is to be told. */
  read(): Promise<Piece> {
    const watcher = this.#watcher
    watcher.asked()
    this.#release()
    if (!this.#wanted) return Promise.resolve({ done: true })
    return this.#asCore(
      () =>
        new Promise((resolve, reject) => {
          this.#giveEnd = () => resolve({ done: true })
          this.#reader.read().then(
            (piece) => {
              if (piece.done) watcher.ended()
              else watcher.given()
              if (this.#canFree !== null) this.#given = piece.value
              resolve(piece)
            },
            (error: unknown) => {
              if (this.#wanted) reject(watcher.broken(error))
            },
          )
        }),
    )
  }

  /** Nobody wants the rest. */
  cancel(reason: unknown): Promise<void> {
    this.#wanted = false
    this.#watcher.ended()
    return this.#asCore(() => this.#reader.cancel(reason))
  }

  /** Frees the piece that was given last. */
  #release(): void {
    const piece = this.#given
    this.#given = undefined
    if (piece === undefined || piece.buffer.byteLength < LARGE_BYTES || !this.#canFree!(piece)) return
    piece.buffer.transfer(0)
  }

  /** Ends it in good order, as if it had come to its end. */
  finish(): void {
    void this.cancel(undefined).catch(() => {})
    this.#giveEnd?.()
  }
}

/** As a stream, for who takes nothing else: carried from when somebody reads it. */
export function streamOf(
  carry: (onBroken: (reason: unknown) => void) => BodySource,
): ReadableStream<Uint8Array> {
  let carried: BodySource | undefined
  return new ReadableStream(
    {
      pull(controller) {
        carried ??= carry((reason) => controller.error(reason))
        return carried.read().then(
          ({ done, value }) => (done ? controller.close() : controller.enqueue(value)),
          (error: unknown) => controller.error(error),
        )
      },
      cancel: (reason) => (carried ?? carry(() => {})).cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
