// The contracts of this repository's own plugins merge like everybody's: that this file compiles is the test.

import { expect, test } from 'bun:test'
import type { EventFor, Events } from '@home-console/sdk'

test('the events of the plugins in this house are known to one another', () => {
  const ratio = ({ data }: EventFor<'host.*'>): number | null => data.memoryUsageRatio
  // @ts-expect-error it may be null
  const never = ({ data }: EventFor<'host.sample'>): number => data.memoryUsageRatio
  const guest = ({ data }: EventFor<'hello.greeted'>): string => data.name
  // @ts-expect-error nobody has declared such an event
  const unknown = (events: Events) => events['hello.gone']
  expect([ratio, never, guest, unknown]).toHaveLength(4)
})
