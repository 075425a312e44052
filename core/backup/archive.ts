// The file that a backup is: a tar, compressed by zstd, written and read in pieces, however large it is.

import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { createTarDecoder, createTarPacker, type ParsedTarEntry } from 'modern-tar'
import type { Entry } from './manifest.ts'

/** So much may be written before it is put on the disk. */
const LOOSE_BYTES = 1024 * 1024

export class ArchiveWriter {
  readonly #tar = createTarPacker()
  /** Rejects when the disk refuses. */
  readonly #written: Promise<void>

  /** @param file that is not there yet */
  constructor(file: string) {
    this.#written = pipeline(
      Readable.fromWeb(this.#tar.readable as never),
      // The manifest vouches for all the rest, and the checksum for the manifest.
      createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
      (chunks: AsyncIterable<Uint8Array>) => writeGently(file, chunks),
    )
    this.#written.catch(() => {})
  }

  /** Adds a file that nobody changes meanwhile. */
  async add(name: string, from: string): Promise<Entry> {
    const { size, mode, mtime } = await stat(from)
    return this.#add({ name, size, mode: mode & 0o777, mtime }, Bun.file(from).stream())
  }

  async addText(name: string, text: string): Promise<Entry> {
    const bytes = new TextEncoder().encode(text)
    return this.#add({ name, size: bytes.length, mode: 0o600, mtime: new Date() }, [bytes])
  }

  /** After this it is on the disk, whole. */
  async close(): Promise<void> {
    this.#tar.controller.finalize()
    await this.#written
  }

  /** Ends it half-way; the file is the caller's to remove. */
  async abandon(reason: unknown): Promise<void> {
    this.#tar.controller.error(reason)
    await this.#written.catch(() => {})
  }

  async #add(
    header: { name: string; size: number; mode: number; mtime: Date },
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<Entry> {
    const hash = new Bun.CryptoHasher('sha256')
    const writer = this.#tar.controller.add({ ...header, type: 'file' }).getWriter()
    // Whoever waits for room hears of it through `#written`.
    writer.closed.catch(() => {})
    try {
      for await (const chunk of chunks) {
        hash.update(chunk)
        await writer.write(new Uint8Array(chunk))
      }
      await writer.close()
    } catch (error) {
      // What the disk said is the reason; that the tar could not go on is only what followed.
      await Promise.race([this.#written, Bun.sleep(100)])
      throw error
    }
    return { bytes: header.size, sha256: hash.digest('hex') }
  }
}

/**
 * Puts it on the disk bit by bit. Written in one go, a journaling file system would have whoever commits a row meanwhile
 * wait for all of it.
 */
async function writeGently(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await using handle = await open(file, 'wx', 0o600)
  let loose = 0
  for await (const chunk of chunks) {
    await handle.writeFile(chunk)
    loose += chunk.length
    if (loose < LOOSE_BYTES) continue
    await handle.datasync()
    loose = 0
  }
  await handle.sync()
}

/**
 * The entries of an archive in order; each body has to be read before the next comes.
 *
 * @throws what the disk says, or in what way it is cut off, damaged, or no archive: see `isOfSystem`
 */
export async function* entriesOf(file: string): AsyncGenerator<ParsedTarEntry> {
  const plain = createZstdDecompress()
  // What goes wrong with it ends `plain`, and so the entries.
  pipeline(createReadStream(file), plain).catch(() => {})
  const entries = (Readable.toWeb(plain) as unknown as ReadableStream<Uint8Array>).pipeThrough(
    createTarDecoder({ strict: true }),
  )
  try {
    yield* entries
  } finally {
    plain.destroy()
  }
}

/** Whether an error is of the disk, and not of the archive. */
export function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
