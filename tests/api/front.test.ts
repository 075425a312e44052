// What the Core does not load before somebody asks for it, and that nobody notices.

import { afterEach, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { join } from 'node:path'
import { NO_TOKEN, pluginOf } from '../http/kit.ts'

let house: TestHouse
afterEach(() => house?.stop())

const lamp = pluginOf(`return ctx.router().openapi(text('/word', []), (c) => c.text('on'))`)

test('whoever asks first, and all who ask in the same moment, get the answers of the control plane', async () => {
  house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp } } })
  const asked = [
    house.request('/api/core/plugins'),
    house.request('/api/core/plugins/lamp', NO_TOKEN),
    house.request('/health', NO_TOKEN),
    house.request('/api/plugins/lamp/word', NO_TOKEN),
    house.request('/api/plugins/nobody/word'),
    house.send('PATCH', '/api/core/home', { units: 'imperial' }),
    house.request('/nowhere'),
    house.request('/nowhere', NO_TOKEN),
    house.request('/openapi.json', NO_TOKEN),
  ]
  const answers = await Promise.all(asked)
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 200, 200, 404, 200, 404, 401, 200])
  const { paths } = (await answers.at(-1)!.json()) as { paths: object }
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/health', '/api/core/plugins', '/api/plugins/lamp/word']),
  )
})

test('a house that is only asked how it is, and its plugins, has not loaded it', async () => {
  const loaded = async (paths: string[]) => {
    const script = `
      import { startTestHouse } from '@home-console/sdk/testing'
      const house = await startTestHouse({ plugins: { lamp: { 'index.ts': ${JSON.stringify(lamp)} } } })
      for (const path of ${JSON.stringify(paths)}) await house.request(path)
      console.log(Object.keys(require.cache).filter((file) => file.includes('/core/api/')).join(' '))
      await house.stop()`
    const child = Bun.spawn([process.execPath, '-e', script], {
      cwd: join(import.meta.dir, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const files = await new Response(child.stdout).text()
    expect(await child.exited).toBe(0)
    return files.match(/[\w-]+\.ts/g) ?? []
  }
  const before = await loaded(['/health', '/api/plugins/lamp/word'])
  expect(before).toContain('front.ts')
  expect(before).not.toContain('schemas.ts')
  expect(await loaded(['/api/core/plugins'])).toContain('schemas.ts')
})

test('a plugin that comes up while it is loaded answers what was asked of it', async () => {
  house = await startTestHouse({ plugins: { lamp: { 'index.ts': lamp } } })
  const { app, url } = house.runtime
  const mount = app.mountFor('/api/plugins/lamp/word')
  app.unmount(mount.prefix)
  const request = new Request(`${url.origin}/api/plugins/lamp/word`, { headers: { Host: url.host } })
  const answered = app.fetch(request, undefined as never)
  app.mount({ mount, document: {} as never })
  expect((await answered)!.status).toBe(200)
})
