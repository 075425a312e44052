// kill -9 while a config is being written: the file is always whole, and has what was acknowledged.

import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readDocument } from '../../core/settings/document.ts'
import { CoreProcess } from '../faults/core-process.ts'

const TIMES = 50

const LAMP = `
import { definePlugin, z } from '@home-console/sdk'
export default definePlugin({
  config: z.object({ turn: z.number().default(0), filler: z.string().default(''), token: z.string().optional().meta({ writeOnly: true }) }),
  onConfigChange() {},
  onLoad() {},
})
`

test(`killed ${TIMES} times in the middle of changes, the Core loses none that it acknowledged`, async () => {
  const core = await CoreProcess.start({ 'lamp.ts': LAMP })
  await using _ended = { [Symbol.asyncDispose]: () => core[Symbol.asyncDispose]() }
  const file = join(core.folder, 'data/config/lamp.jsonc')
  let turn = 0
  let acknowledged = 0
  let kills = 0
  for (let time = 0; time < TIMES; time++) {
    if (time > 0) await core.start()
    // Before the first answer, or after the first or the second, and some ms later.
    let answersLeft = time % 3
    const kill = () => setTimeout(() => core.kill('SIGKILL'), time % 8)
    if (answersLeft === 0) kill()
    for (let open = true; open;) {
      const next = ++turn
      const body = JSON.stringify({
        turn: next,
        filler: 'x'.repeat((next * 997) % 30_000),
        token: `secret of ${next}`,
      })
      const headers = { 'Content-Type': 'application/json' }
      try {
        const { status } = await core.request('/api/core/plugins/lamp/config', {
          method: 'PATCH',
          body,
          headers,
        })
        expect(status).toBe(200)
        acknowledged = next
        if (--answersLeft === 0) kill()
      } catch (error) {
        if ((error as { matcherResult?: unknown }).matcherResult !== undefined) throw error
        open = false
      }
    }
    await core.exited
    kills++
    if (acknowledged === 0) continue
    const { values } = readDocument(readFileSync(file, 'utf8'))
    expect(values.turn as number).toBeGreaterThanOrEqual(acknowledged)
    expect((values.filler as string).length).toBe(((values.turn as number) * 997) % 30_000)
  }
  await core.start()
  const { values, secrets } = (await (await core.request('/api/core/plugins/lamp/config')).json()) as any
  expect(values.turn).toBeGreaterThanOrEqual(acknowledged)
  expect(secrets).toEqual({ '/token': true })
  expect([kills, acknowledged >= TIMES]).toEqual([TIMES, true])
}, 120_000)
