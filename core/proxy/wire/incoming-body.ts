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
/** Pieces that wait are given as one up to this size: each one that is handed on costs as much as a thousand bytes. */
const FULL_BYTES = 16 * 1024
/** Counted for each piece beside the bytes that it came in. */
const PIECE_BYTES = 512

export class IncomingBody {
  readonly #flow: Flow
  #pieces: Bytes[] = []
  /** What each of them is counted as. */
  #weights: number[] = []
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

  /** What is there, as soon as there is something. One reader at a time. @throws what it broke with */
  read(): Promise<Piece> {
    if (this.#pieces.length > 0) return Promise.resolve({ done: false, value: this.#next() })
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#isOver) return Promise.resolve({ done: true })
    return new Promise((resolve, reject) => (this.#reader = { resolve, reject }))
  }

  /** Nobody wants the rest. */
  cancel(): void {
    this.#pieces = []
    this.#weights = []
    if (this.#isOver) return
    this.#isOver = true
    this.#giveReader({ done: true })
    this.#flow.abandon()
  }

  /** Something came, in so many bytes of memory. */
  take(piece: Bytes, cameIn = piece.length): void {
    if (this.#isOver) return
    if (this.#reader !== undefined) return this.#giveReader({ done: false, value: piece })
    this.#pieces.push(piece)
    this.#weights.push(cameIn + PIECE_BYTES)
    this.#waiting += cameIn + PIECE_BYTES
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

  #next(): Bytes {
    let count = 0
    let bytes = 0
    do bytes += this.#pieces[count++]!.length
    while (bytes < FULL_BYTES && count < this.#pieces.length)
    const value = joined(this.#pieces.splice(0, count))
    for (const weight of this.#weights.splice(0, count)) this.#waiting -= weight
    if (this.#waiting < MOST_WAITING_BYTES) this.#flowOn()
    return value
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

/** In memory of its own: whoever is through with it may free that. */
function joined(pieces: readonly Bytes[]): Bytes {
  const [first] = pieces
  if (pieces.length === 1) return first!
  const all = new Uint8Array(pieces.reduce((bytes, { length }) => bytes + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
