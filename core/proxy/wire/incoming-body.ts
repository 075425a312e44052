// The body of an answer on its way in: what came and was not taken yet, and no more of it than that.

/** Where it comes from. */
export interface Flow {
  pause(): void
  resume(): void
  /** Nobody wants the rest. */
  abandon(): void
}

type Bytes = Uint8Array<ArrayBuffer>

export interface Piece {
  readonly done: boolean
  readonly value?: Bytes | undefined
}

interface Reader {
  resolve(piece: Piece): void
  reject(error: unknown): void
}

/** So much may wait for its reader before the sender is held up. */
const MOST_WAITING_BYTES = 256 * 1024
/** Counted for each piece beside its own bytes: it holds what came around it, the line of its chunk and all. */
const PIECE_BYTES = 512

export class IncomingBody {
  readonly #flow: Flow
  #pieces: Bytes[] = []
  #waiting = 0
  #isPaused = false
  #isOver = false
  #error: Error | undefined
  #reader: Reader | undefined

  constructor(flow: Flow) {
    this.#flow = flow
  }

  /** Whether nothing more comes. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** All of it: at once where it is there. @throws what it broke with */
  whole(): Promise<Bytes> {
    return this.#isOver && this.#error === undefined
      ? Promise.resolve(joined(this.#pieces.splice(0)))
      : this.#readAll()
  }

  /** The next piece, as soon as there is one. One reader at a time. @throws what it broke with */
  read(): Promise<Piece> {
    const value = this.#pieces.shift()
    if (value !== undefined) {
      this.#waiting -= value.length + PIECE_BYTES
      if (this.#waiting < MOST_WAITING_BYTES) this.#flowOn()
      return Promise.resolve({ done: false, value })
    }
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#isOver) return Promise.resolve({ done: true })
    return new Promise((resolve, reject) => (this.#reader = { resolve, reject }))
  }

  /** Nobody wants the rest. */
  cancel(): void {
    this.#pieces = []
    if (this.#isOver) return
    this.#isOver = true
    this.#giveReader({ done: true })
    this.#flow.abandon()
  }

  /** Something came. */
  take(piece: Bytes): void {
    if (this.#isOver) return
    if (this.#reader !== undefined) return this.#giveReader({ done: false, value: piece })
    this.#pieces.push(piece)
    this.#waiting += piece.length + PIECE_BYTES
    if (this.#isPaused || this.#waiting < MOST_WAITING_BYTES) return
    this.#isPaused = true
    this.#flow.pause()
  }

  /** It came to its end. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#flowOn()
    this.#giveReader({ done: true })
  }

  /** It broke: whoever reads is told, when what came before is read. */
  break(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    const reader = this.#reader
    this.#reader = undefined
    reader?.reject(error)
  }

  async #readAll(): Promise<Bytes> {
    const pieces: Bytes[] = []
    for (let piece = await this.read(); !piece.done; piece = await this.read()) pieces.push(piece.value!)
    return joined(pieces)
  }

  #giveReader(piece: Piece): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.resolve(piece)
  }

  #flowOn(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#flow.resume()
  }
}

function joined(pieces: readonly Bytes[]): Bytes {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}
