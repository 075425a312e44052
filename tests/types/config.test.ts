// What the types know of a plugin's config: what its schema gives, whichever library it is of.

import { expect, test } from 'bun:test'
import { complaintsAbout } from './type-checker.ts'

test('ctx.config and onConfigChange have what the schema gives', () => {
  const files = {
    'zod.ts': `import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({ poll: z.number().default(30), at: z.string().transform((text) => new Date(text)) }),
  onConfigChange(next, previous, ctx) { const changed: number = next.poll - previous.poll + ctx.config.poll },
  onLoad(ctx) {
    const poll: number = ctx.config.poll
    const year: number = ctx.config.at.getFullYear()
    const text: string = ctx.config.poll
    ctx.config.pol
  },
})
`,
    'valibot.ts': `import { definePlugin } from '@home-console/sdk'
import * as v from 'valibot'
export default definePlugin({
  onLoad(ctx) { const poll: number = ctx.config.poll; ctx.config = { poll: 1 } },
  config: v.object({ poll: v.optional(v.number(), 30), token: v.pipe(v.string(), v.metadata({ writeOnly: true })) }),
})
`,
    'none.ts': `import { definePlugin } from '@home-console/sdk'
export default definePlugin({ onLoad(ctx) { const poll: number = ctx.config.poll } })
export const wrong = definePlugin({ config: { poll: 30 }, onLoad() {} })
`,
  }
  expect(complaintsAbout(files)).toEqual([
    expect.stringMatching(
      /^none\.ts:2 TS2322 .*'undefined'.*'number'|^none\.ts:2 TS2322 .*never|^none\.ts:2 TS2339/,
    ),
    expect.stringMatching(/^none\.ts:3 TS2353 .*'poll'/),
    expect.stringMatching(/^valibot\.ts:4 TS2540 .*'config'/),
    "zod.ts:8 TS2322 Type 'number' is not assignable to type 'string'.",
    expect.stringMatching(/^zod\.ts:9 TS(2339|2551) Property 'pol'/),
  ])
})
