// Who an agent is: the key that it proves to have, and the id that follows from it.

import { createHash, createPublicKey, verify } from 'node:crypto'
import type { Registration } from './frames.ts'

/** The fingerprint of its key: 128 bits, which nobody else can come by. */
export function clientIdOf(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex').slice(0, 32)
}

/** Whether who answers this challenge has the private key to the public one. */
export function isGenuine({ public_key, signature }: Registration, nonce: string): boolean {
  const statement = `home-console-agent/1\n${nonce}\n${public_key}`
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: public_key }, format: 'jwk' })
    return verify(null, Buffer.from(statement), key, Buffer.from(signature, 'base64url'))
  } catch {
    // 32 bytes that are no point on the curve are nobody's key.
    return false
  }
}
