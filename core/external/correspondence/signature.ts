// The signature under a webhook, as Standard Webhooks writes it: who holds the credential knows that it is the Core who sends.

import { createHmac } from 'node:crypto'

/**
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * @param id the same for every attempt at one message
 * @param sentAt of this attempt, in ms since the epoch: who takes it refuses one that is old
 * @param key the service's credential, as it stands
 */
export function signed(id: string, sentAt: number, body: string, key: string): Record<string, string> {
  const timestamp = String(Math.floor(sentAt / 1_000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
