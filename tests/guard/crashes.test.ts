// Who is charged when the process dies, what the third time means, and how it is forgiven.

import { describe, expect, test } from 'bun:test'
import type { LogLine } from '../../core/log/log.ts'
import { CoreProcess } from '../faults/core-process.ts'
import { spinner } from './spinner.ts'

interface Plugin {
  state: string
  error: { code: string; message: string } | null
}

const bystander = spinner({})
const died = ({ message }: LogLine) => message.startsWith('The Core died')

async function pluginOf(core: CoreProcess, id: string): Promise<Plugin> {
  return (await (await core.request(`/api/core/plugins/${id}`)).json()) as Plugin
}

async function crashByRequest(core: CoreProcess): Promise<void> {
  await core.request('/api/plugins/lamp/go').catch(() => null)
  await core.exited
}

/** Starts it until it stays up. */
async function starts(core: CoreProcess, most: number): Promise<number> {
  for (let count = 1; count <= most; count++) {
    const up = await core.start().then(
      () => true,
      () => false,
    )
    if (up) return count
  }
  throw new Error(`It did not stay up in ${most} starts.`)
}

describe('a plugin that crashes the process', () => {
  test.each([
    ['while it is imported', { top: 'crash()' }],
    ['while it is imported, after an await', { top: 'await Bun.sleep(20); crash()' }],
    ['in onLoad', { onLoad: 'crash()' }],
    ['in onLoad, after an await', { onLoad: 'await Bun.sleep(20); crash()' }],
  ])(
    '%s is left out after the third time, and nobody else is',
    async (_when, places) => {
      await using core = await CoreProcess.start({ 'aaa.ts': bystander, 'zzz.ts': bystander })
      await core.stop()
      core.write('lamp.ts', spinner(places))
      expect(await starts(core, 5)).toBe(4)
      const lamp = await pluginOf(core, 'lamp')
      expect(lamp).toMatchObject({ state: 'failed', error: { code: 'crashed_the_core' } })
      expect(lamp.error!.message).toContain('died 3 times in a row')
      for (const id of ['aaa', 'zzz']) expect((await pluginOf(core, id)).state).toBe('active')
    },
    30_000,
  )

  test('in a request is named at each start, and left out after the third time', async () => {
    await using core = await CoreProcess.start({
      'lamp.ts': spinner({ route: 'crash()' }),
      'aaa.ts': bystander,
    })
    for (const time of [1, 2, 3]) {
      await crashByRequest(core)
      await core.start()
      const line = await core.log(died)
      expect(line).toMatchObject({ level: 'error', plugin: 'lamp' })
      expect(line.message).toContain(`ran request "/api/plugins/lamp/go". That was time ${time}.`)
    }
    expect(await pluginOf(core, 'lamp')).toMatchObject({
      state: 'failed',
      error: { code: 'crashed_the_core' },
    })
    expect((await core.request('/api/plugins/aaa/go')).status).toBe(200)
    // The verdict outlives a clean stop, and is carried by no file that changed.
    expect(await core.stop()).toBe(0)
    await core.start()
    expect((await pluginOf(core, 'lamp')).state).toBe('failed')

    // A question is no word: a dry run changes nothing.
    await core.request('/api/core/plugins/lamp/reload?dryRun=true', { method: 'POST' })
    expect(await core.stop()).toBe(0)
    await core.start()
    expect((await pluginOf(core, 'lamp')).state).toBe('failed')

    // By the owner's word it has its next chance …
    expect((await core.request('/api/core/plugins/lamp/reload', { method: 'POST' })).status).toBe(200)
    expect((await pluginOf(core, 'lamp')).state).toBe('active')
    for (let time = 0; time < 3; time++) {
      await crashByRequest(core)
      await core.start()
    }
    expect((await pluginOf(core, 'lamp')).state).toBe('failed')
    // … and so it has when it is another.
    core.write('lamp.ts', bystander)
    for (
      const end = Date.now() + 2_000;
      (await pluginOf(core, 'lamp')).state !== 'active';
      await Bun.sleep(20)
    )
      if (Date.now() > end) throw new Error('The repaired plugin was not loaded.')
  }, 30_000)

  test('by blocking it is left out after the third time as well', async () => {
    await using core = await CoreProcess.start(
      { 'lamp.ts': spinner({ route: 'while (true) {}' }) },
      { BLOCKED_LOOP_MS: '1000' },
    )
    for (let time = 0; time < 3; time++) {
      await crashByRequest(core)
      await core.start({ BLOCKED_LOOP_MS: '1000' })
    }
    const { state, error } = await pluginOf(core, 'lamp')
    expect(state).toBe('failed')
    expect(error!.message).toMatch(
      /ran request "\/api\/plugins\/lamp\/go" and blocked the event loop for \d+ ms/,
    )
  }, 30_000)
})

describe('nobody is charged', () => {
  test('when the process is killed from outside while nobody runs', async () => {
    await using core = await CoreProcess.start({
      'lamp.ts': spinner({ live: `ctx.task('idle', () => new Promise(() => {}))` }),
    })
    for (let time = 0; time < 4; time++) {
      expect((await core.request('/api/plugins/lamp/go')).status).toBe(200)
      core.kill('SIGKILL')
      await core.exited
      await core.start()
    }
    expect(core.logs.filter(died)).toEqual([])
    expect((await pluginOf(core, 'lamp')).state).toBe('active')
  }, 30_000)

  test('after a stop that was asked for', async () => {
    await using core = await CoreProcess.start({ 'lamp.ts': bystander })
    expect(await core.stop()).toBe(0)
    await core.start()
    expect(core.logs.filter(died)).toEqual([])
  })
})
