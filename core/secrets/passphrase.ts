// Puts a few bytes under a passphrase, so that they may lie where anyone could read them.

import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

const CIPHER = 'aes-256-gcm'
const VERSION = 'p1'
const [SALT_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES] = [16, 12, 16, 32]
/** 128 MiB and about a second on a Raspberry Pi: https://www.rfc-editor.org/rfc/rfc7914 */
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 }

/** The passphrase is another one, or what was sealed has changed. */
export class WrongPassphrase extends Error {
  override readonly name = 'WrongPassphrase'
}

export async function sealWith(passphrase: string, secret: Uint8Array): Promise<string> {
  const [salt, nonce] = [randomBytes(SALT_BYTES), randomBytes(NONCE_BYTES)]
  const cipher = createCipheriv(CIPHER, await keyOf(passphrase, salt), nonce)
  const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()])
  return [VERSION, ...[salt, nonce, sealed].map((bytes) => bytes.toString('base64url'))].join('.')
}

/** @throws WrongPassphrase */
export async function unsealWith(passphrase: string, text: string): Promise<Buffer> {
  const [version, ...parts] = text.trim().split('.')
  const [salt, nonce, sealed, more] = parts.map((part) => Buffer.from(part, 'base64url'))
  try {
    if (version !== VERSION || more !== undefined) throw new Error('not ours')
    const decipher = createDecipheriv(CIPHER, await keyOf(passphrase, salt!), nonce!)
    decipher.setAuthTag(sealed!.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed!.subarray(0, -TAG_BYTES)), decipher.final()])
  } catch {
    throw new WrongPassphrase('The passphrase is not the one with which the key was put into the backup.')
  }
}

/** Off the loop. */
function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt)
  return derive(passphrase.normalize('NFC'), salt, KEY_BYTES, COST)
}
