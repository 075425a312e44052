// config: how soon a changed setting is in force.
//
// Measured: a PATCH of a plugin's config until `onConfigChange` was called with it, and until it is answered, which is when
// its file is on the disk; 200 times with `onConfigChange`, then 50 times without, where the plugin is loaded again. The
// plugin notes by the clock of the machine when it was told.
// Fair, because: the change comes over HTTP as an owner's does, and the plugin is asked each time whether it has it.

import { atMost, type Benchmark, type Figure } from '../benchmark.ts'
import { ADMIN_TOKEN, CoreProcess } from '../lib/core.ts'
import { median, p95 } from '../lib/statistics.ts'
import { Workspace } from '../lib/workspace.ts'

const CHANGES = 200
const RELOADS = 50

const plugin = (members: string) => `
import { definePlugin, z } from '@home-console/sdk'
let toldAt = 0
export default definePlugin({
  config: z.object({ turn: z.number().default(0), name: z.string().default('lamp') }),
  ${members}
  onLoad(ctx) {
    return ctx.router().get('/', (c) => c.json({ turn: ctx.config.turn, toldAt }))
  },
})
`
const TAKES = 'onConfigChange() { toldAt = performance.timeOrigin + performance.now() },'

export const config: Benchmark = {
  name: 'config',
  title: 'A changed setting, until it is in force',

  async run() {
    using workspace = new Workspace()
    workspace.write('plugins', { 'taking.ts': plugin(TAKES), 'loaded.ts': plugin('') })
    await using core = await CoreProcess.start({ workspace })
    const told: number[] = []
    const answered: number[] = []
    for (let turn = 1; turn <= CHANGES; turn++) {
      const asked = performance.timeOrigin + performance.now()
      await set(core, 'taking', turn)
      answered.push(performance.timeOrigin + performance.now() - asked)
      const { turn: held, toldAt } = await core.get<{ turn: number; toldAt: number }>('/api/plugins/taking')
      if (held !== turn) throw new Error(`The plugin has turn ${held} instead of ${turn}.`)
      told.push(toldAt - asked)
    }
    const reloaded: number[] = []
    for (let turn = 1; turn <= RELOADS; turn++) {
      const asked = performance.now()
      await set(core, 'loaded', turn)
      reloaded.push(performance.now() - asked)
    }
    const { reloads } = await core.get<{ reloads: unknown[] }>('/api/core/plugins/taking/reloads')
    return figuresOf(told, answered, reloaded, reloads.length - 1)
  },
}

function figuresOf(told: number[], answered: number[], reloaded: number[], reloads: number): Figure[] {
  const ms = (value: number) => `${value.toFixed(2)} ms`
  return [
    atMost(
      'a PATCH until it is in force in onConfigChange, 95th percentile',
      p95(told),
      20,
      'ms',
      `median ${ms(median(told))}, longest ${ms(Math.max(...told))}`,
    ),
    {
      what: 'and until it is on the disk and answered, median',
      value: ms(median(answered)),
      beside: `95th percentile ${ms(p95(answered))}; where the plugin is loaded again, median ${ms(median(reloaded))}`,
    },
    atMost(`reloads by ${CHANGES} changes that onConfigChange takes`, reloads, 0, ''),
  ]
}

async function set(core: CoreProcess, id: string, turn: number): Promise<void> {
  const answer = await fetch(new URL(`/api/core/plugins/${id}/config`, core.url), {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ turn }),
  })
  if (!answer.ok) throw new Error(`The change was answered with ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
}
