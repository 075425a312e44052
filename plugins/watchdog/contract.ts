// What others may know of this plugin: what is wrong with the house, and when it begins and ends.

import { type EventsOf, z } from '@home-console/sdk'

export const Condition = z
  .object({
    name: z.string().openapi({ example: 'disk.filling' }),
    title: z.string(),
    message: z.string().describe('As it was when it began'),
    priority: z.enum(['default', 'high', 'urgent']),
    since: z.iso.datetime(),
  })
  .openapi('Condition')
export type Condition = z.infer<typeof Condition>

export const events = { 'watchdog.raised': Condition, 'watchdog.cleared': Condition }

declare module '@home-console/sdk' {
  interface Events extends EventsOf<typeof events> {}
}
