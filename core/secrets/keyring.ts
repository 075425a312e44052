// Encrypts what must not be read off the disk, with a key that lies apart from it.

import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { keepIn } from '../db/storage-trouble.ts'
import { writeWhole } from '../db/whole-file.ts'

/** AES-256-GCM, as NIST SP 800-38D has it: a nonce of 96 bits, a tag of 128. */
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
/** Of a sealed text: which form it has. */
const VERSION = 'v1'

/** What is sealed cannot be opened: with this key, or at this place, or at all. Nothing was changed. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}

/** The key cannot be read, or is none. */
export class NoKey extends Error {
  override readonly name = 'NoKey'
}

interface Key {
  /** Names the key in what it sealed. Tells nothing of it. */
  readonly id: string
  readonly bytes: Buffer
}

export interface KeyringOptions {
  /** Absolute: where the key is. */
  readonly file: string
  /** Whether the Core makes one there when it first needs it. A key that the owner names is the owner's to make. */
  readonly mayMake: boolean
}

export class Keyring {
  readonly #options: KeyringOptions
  #key: Key | undefined

  /** Reads nothing: a house without secrets needs no key. */
  constructor(options: KeyringOptions) {
    this.#options = options
  }

  /**
   * Encrypts a text so that it opens only with the same context: what belongs to whom, and where it stands.
   *
   * @throws NoKey; StorageTrouble when a key cannot be made
   */
  seal(text: string, context: string): string {
    const { id, bytes } = (this.#key ??= this.#read() ?? this.#make())
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, bytes, nonce)
    cipher.setAAD(Buffer.from(context))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return [VERSION, id, nonce.toString('base64url'), sealed.toString('base64url')].join('.')
  }

  /**
   * Decrypts what `seal` gave for the same context.
   *
   * @throws Unreadable saying why and what to do; NoKey
   */
  unseal(sealed: string, context: string): string {
    const [version, id, nonce = '', rest = '', more] = sealed.split('.')
    const bytes = Buffer.from(rest, 'base64url')
    if (version !== VERSION || more !== undefined || bytes.length < TAG_BYTES)
      throw new Unreadable('It is no secret that this Core encrypted. Set it again.')
    const key = (this.#key ??= this.#read())
    const { file } = this.#options
    if (key === undefined)
      throw new Unreadable(`Its key is lost: there is no ${file}. Put the key back, or set the secret again.`)
    if (key.id !== id) {
      throw new Unreadable(
        `It was encrypted with the key ${id}, and ${file} holds the key ${key.id}. Put the right one there, or set the secret again.`,
      )
    }
    try {
      const decipher = createDecipheriv(CIPHER, key.bytes, Buffer.from(nonce, 'base64url'))
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const text = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
      return text.toString('utf8')
    } catch {
      throw new Unreadable('It was encrypted for another place, or changed since. Set it again.')
    }
  }

  /** The key itself, to be put under a passphrase at once; made if there was none. Throws NoKey. */
  export(): Buffer {
    this.#key ??= this.#read() ?? this.#make()
    return readFileSync(this.#options.file)
  }

  /** Undefined where there is no file. */
  #read(): Key | undefined {
    const { file, mayMake } = this.#options
    let material: Buffer
    try {
      material = readFileSync(file)
    } catch (error) {
      if (mayMake && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new NoKey(`The key for secrets cannot be read: ${(error as Error).message}`)
    }
    return keyOf(material, file)
  }

  #make(): Key {
    const { file } = this.#options
    const text = `${randomBytes(KEY_BYTES).toString('base64')}\n`
    keepIn(file, () => writeWhole(file, text))
    return keyOf(Buffer.from(text), file)
  }
}

/** Whatever has enough bytes makes a key, be it 32 raw ones or what `openssl rand -base64 32` says. */
function keyOf(material: Buffer, file: string): Key {
  if (material.length < KEY_BYTES) {
    throw new NoKey(
      `${file} is too short to be a key for secrets. Make one: openssl rand -base64 32 > ${file}`,
    )
  }
  // An editor may end the last line, or not.
  const end = material.at(-1) === 0x0a && material.length > KEY_BYTES ? -1 : undefined
  const bytes = Buffer.from(
    hkdfSync('sha256', material.subarray(0, end), '', 'home-console secrets', KEY_BYTES),
  )
  const id = createHash('sha256').update('home-console key id').update(bytes).digest('hex').slice(0, 8)
  return { id, bytes }
}
