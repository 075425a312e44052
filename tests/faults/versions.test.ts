// Kept versions and pins, when the process is killed without a word.

import { expect, test } from 'bun:test'
import { CoreProcess } from './core-process.ts'

const lamp = (text: string) => `
export default { onLoad: (ctx) => ctx.router({ security: [] }).get('/word', (c) => c.text('${text}')) }
`
const wordOf = async (core: CoreProcess) => (await core.request('/api/plugins/lamp/word')).text()
const post = (core: CoreProcess, verb: string) =>
  core.request(`/api/core/plugins/lamp/${verb}`, { method: 'POST' })

async function killAndStart(core: CoreProcess): Promise<void> {
  core.kill('SIGKILL')
  await core.exited
  await core.start()
}

test('a rollback that was answered is there after a kill', async () => {
  await using core = await CoreProcess.start({ 'lamp.ts': lamp('one') })
  core.write('lamp.ts', lamp('two'))
  expect((await post(core, 'reload')).status).toBe(200)
  expect((await post(core, 'rollback')).status).toBe(200)
  await killAndStart(core)
  expect(await wordOf(core)).toBe('one')
  core.write('lamp.ts', lamp('three'))
  expect((await post(core, 'reload')).status).toBe(200)
  expect(await wordOf(core)).toBe('three')
})

test('whenever it is killed, the plugin serves after the next start, and what is kept is whole', async () => {
  await using core = await CoreProcess.start({ 'lamp.ts': lamp('0') })
  for (let round = 1; round <= 6; round++) {
    core.write('lamp.ts', lamp(String(round)))
    await post(core, 'reload')
    // Writes what is kept, lays a version out, and pins it.
    const cut = post(core, 'rollback').catch(() => null)
    await Bun.sleep(Math.random() * 30)
    await killAndStart(core)
    await cut
    expect(await wordOf(core)).toMatch(/^\d$/)
    expect([200, 409]).toContain((await post(core, 'rollback')).status)
    expect(core.logs.filter(({ message }) => /brought back|is not kept/.test(message))).toEqual([])
  }
}, 30_000)
