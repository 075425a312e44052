// What others may know of this plugin: the service that sends a notification, and what becomes of one.

import { type EventsOf, z } from '@home-console/sdk'

/** From what can wait to what wakes people up. */
export const Priority = z.enum(['min', 'low', 'default', 'high', 'urgent']).openapi('Priority')
export type Priority = z.infer<typeof Priority>

export const Message = z
  .object({
    title: z.string().trim().min(1).max(200).openapi({ example: 'The disk is nearly full' }),
    message: z.string().trim().min(1).max(3_000),
    priority: Priority.default('default'),
    tags: z
      .array(z.string().regex(/^[a-z0-9_+-]{1,40}$/))
      .max(8)
      .default([])
      .describe('ntfy shows those that name an emoji as one: https://docs.ntfy.sh/emojis/'),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .optional()
      .describe('What a tap on it opens'),
    source: z
      .string()
      .regex(/^[a-z0-9-]{1,63}$/)
      .default('unknown')
      .describe('Who says it, such as the id of a plugin: no source may crowd out the others'),
  })
  .openapi('Message')
export type Message = z.infer<typeof Message>

const id = z.string()
const target = z.string().describe('The name of the target')

export const events = {
  'notify.sent': z.object({ id, source: z.string(), title: z.string(), priority: Priority }),
  'notify.delivered': z.object({ id, target, attempts: z.number().int() }),
  'notify.failed': z.object({ id, target, reason: z.string().describe('It is not tried again') }),
}

export interface NotifyService {
  /**
   * Takes a notification, to be delivered to every target of the owner's as soon as it can be. It survives swaps and
   * restarts. The same from the same source again within ten minutes is the same notification, and has its id.
   *
   * @throws Problem `invalid_argument`; `too_many` when the source has sent 20 within ten minutes
   */
  send(message: z.input<typeof Message>): { id: string }
}

declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
  interface Services {
    notify: NotifyService
  }
}
