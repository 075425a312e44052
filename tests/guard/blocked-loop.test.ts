// Code that never yields: noticed within a second, named, and ended; and what is merely slow goes on.

import { describe, expect, test } from 'bun:test'
import { CoreProcess } from '../faults/core-process.ts'
import { until } from '../until.ts'
import { BLOCKS, spinner } from './spinner.ts'

const blocked = ({ message }: { message: string }) => message.startsWith('The event loop has been blocked')
const SIGALRM = 142

describe.each(Object.entries(BLOCKS))('%s in a request', (_name, code) => {
  test('is noticed within a second, with the plugin and the request named, and ends the process', async () => {
    await using core = await CoreProcess.start({ 'lamp.ts': spinner({ route: code }) })
    const begun = performance.now()
    const answer = core.request('/api/plugins/lamp/go').catch(() => null)
    const line = await core.log(blocked)
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect(line).toMatchObject({ level: 'warn', plugin: 'lamp' })
    expect(line.message).toContain('lamp was running request "/api/plugins/lamp/go"')
    expect(await core.exited).toBe(SIGALRM)
    expect(performance.now() - begun).toBeLessThan(4_500)
    expect(await answer).toBeNull()
    expect(core.logs.at(-1)!.message).toContain('The process is ended: lamp was running request')
  })
})

describe('a blocked loop', () => {
  test('is ended in a container, too, where the Core is process 1 and hears no signal from inside', async () => {
    const code = spinner({ route: BLOCKS['busy loop'] })
    const via = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
    await using core = await CoreProcess.start({ 'lamp.ts': code }, {}, { via })
    try {
      core.request('/api/plugins/lamp/go').catch(() => {})
      expect(await until('its end', () => core.exitCode, 7_000)).toBe(SIGALRM)
      expect(core.logs.at(-1)!.message).toContain('The process is ended: lamp was running request')
    } finally {
      // What stands in front of it hears no SIGTERM, and takes it along.
      core.kill('SIGKILL')
    }
  }, 15_000)

  test.each([
    ['a listener', `ctx.events.on('go.now', () => { BLOCK })`, 'lamp was running listener "go.now"'],
    ['a timer', `ctx.after(300, () => { BLOCK })`, 'lamp was running timer'],
    [
      'a timer of its own',
      `setTimeout(() => { BLOCK }, 300)`,
      'lamp was running timer "setTimeout of 300 ms"',
    ],
    ['a task', `ctx.task('watch', () => { BLOCK })`, 'lamp was running task "watch"'],
    [
      'what follows an await',
      `ctx.task('watch', async () => { await new Promise((wake) => setTimeout(wake, 300)); BLOCK })`,
      'lamp ran last, timer "setTimeout of 300 ms"',
    ],
  ])('in %s is put to its plugin, and told when it is over', async (_where, live, who) => {
    const code = live.replace('BLOCK', 'Bun.sleepSync(1_000)')
    await using core = await CoreProcess.start({ 'lamp.ts': spinner({ live: code }) })
    if (live.includes('go.now')) await core.emit('go.now')
    expect((await core.log(blocked, 3_000)).message).toContain(who)
    const over = await core.log(({ message }) => message.includes('is free again'))
    expect(over.message).toContain(who)
    const [event] = await core.events('core.blocked')
    expect(event!.data).toMatchObject({ plugin: 'lamp' })
    expect((event!.data as { ms: number }).ms).toBeWithin(900, 1_500)
    expect(await core.stop()).toBe(0)
  })

  test('is left alone by a process that was stopped, and so saw no time go by', async () => {
    await using core = await CoreProcess.start({ 'lamp.ts': spinner({}) }, { BLOCKED_LOOP_MS: '1000' })
    core.kill('SIGSTOP')
    // It is the time itself that must not count.
    await Bun.sleep(2_000)
    core.kill('SIGCONT')
    expect(await (await core.request('/api/plugins/lamp/go')).text()).toBe('gone')
    await Bun.sleep(700)
    expect(core.logs.filter(blocked)).toEqual([])
    expect(core.exitCode).toBeNull()
  })

  test('is not watched where the owner says so', async () => {
    const code = spinner({ route: 'Bun.sleepSync(1_500)' })
    await using core = await CoreProcess.start({ 'lamp.ts': code }, { BLOCKED_LOOP_MS: '0' })
    expect(await (await core.request('/api/plugins/lamp/go')).text()).toBe('gone')
    expect(core.logs.filter(blocked)).toEqual([])
  })
})
