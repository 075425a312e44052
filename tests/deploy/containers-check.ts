// compose.yaml for real: its images built from the Dockerfile, its containers run by podman. See scripts/check-deployment.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../until.ts'
import { freePort, repository, run, shelf, textOf, writeAdapter, writeLamp } from './check.ts'

const START_MS = 30_000
/** Of the image, and of compose's own user in it. */
const USER = 1000

const folder = mkdtempSync(join(shelf(), 'house-'))
const plugins = join(folder, 'plugins')
const file = join(folder, 'compose.json')
const port = freePort()
const url = `http://127.0.0.1:${port}`
const project = `home-console-check-${port}`

interface Resolved {
  services: Record<
    string,
    {
      image: string
      build: { target: string; args?: Record<string, string> }
      ports?: string[]
      volumes: string[]
    }
  >
  secrets?: Record<string, { file: string }>
}

const compose = (...words: string[]) => run('podman-compose', '-p', project, '-f', file, ...words)
const inside = (service: string, ...command: string[]) =>
  run('podman', 'exec', `${project}_${service}_1`, ...command)
const health = async () => JSON.parse((await textOf(`${url}/health`)) ?? 'null') as { status: string } | null
const isUp = () =>
  until('the house in its container', async () => (await health())?.status === 'ok', START_MS)

let services: string[]

beforeAll(async () => {
  // As docker-compose understands it, and with what another house on this machine would not share.
  const text = await run('docker-compose', '-f', join(repository, 'compose.yaml'), 'config')
  const resolved = Bun.YAML.parse(text) as Resolved
  services = Object.keys(resolved.services)
  cpSync(join(repository, 'plugins'), plugins, { recursive: true })
  writeLamp(plugins, 'one')
  for (const name of services.filter((name) => name !== 'core')) writeAdapter(plugins, name)
  const { core } = resolved.services
  core!.ports = [`127.0.0.1:${port}:11000`]
  core!.volumes = core!.volumes.map((volume) => volume.replace(join(repository, 'plugins'), plugins))
  mkdirSync(join(folder, 'secrets'))
  for (const [name, secret] of Object.entries(resolved.secrets ?? {})) {
    secret.file = join(folder, 'secrets', name)
    writeFileSync(secret.file, crypto.getRandomValues(new Uint8Array(32)).toBase64(), { mode: 0o600 })
    chownSync(secret.file, USER, USER)
  }
  chmodSync(folder, 0o755)
  writeFileSync(file, JSON.stringify(resolved))
  for (const { image, build } of Object.values(resolved.services)) {
    const given = Object.entries({ BASE: 'localhost/bun', ...build.args })
    const args = given.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
    const how = ['--isolation', 'chroot', '--format', 'docker', '--target', build.target]
    await run('buildah', 'bud', ...how, ...args, '-t', `localhost/${image}`, '.')
  }
  await compose('up', '-d', '--no-build')
  await isUp()
}, 300_000)

afterAll(async () => {
  await compose('down', '--volumes')
  rmSync(folder, { recursive: true })
}, 60_000)

test('each is healthy, and says that it is not when nobody answers', async () => {
  for (const service of services) {
    await until(
      `the health of ${service}`,
      () =>
        inside(service, '/house/scripts/answers-health').then(
          () => true,
          () => false,
        ),
      START_MS,
    )
    await run('podman', 'healthcheck', 'run', `${project}_${service}_1`)
    await expect(inside(service, 'env', 'PORT=1', '/house/scripts/answers-health')).rejects.toThrow('refused')
  }
})

test('each is nobody who may anything, and writes nowhere but in its volume', async () => {
  for (const service of services) {
    expect(await inside(service, 'id', '-u')).toBe(String(USER))
    const status = await inside(service, 'cat', '/proc/self/status')
    expect(status).toMatch(/^CapEff:\s0+$/m)
    expect(status).toMatch(/^NoNewPrivs:\s1$/m)
    for (const place of ['/house', '/house/node_modules', '/usr', '/etc'])
      await expect(inside(service, 'touch', `${place}/mine`)).rejects.toThrow('Read-only file system')
    expect(await inside(service, 'stat', '-c', '%u %a', '/data')).toBe(`${USER} 700`)
  }
})

test('each service is up behind its adapter, where compose.yaml says that it is', async () => {
  const headers = { Authorization: `Bearer ${await inside('core', 'cat', '/data/admin-token')}` }
  const adapters = async () => {
    const { plugins: views } = JSON.parse((await textOf(`${url}/api/core/plugins`, { headers }))!) as {
      plugins: { kind: string; mode: string; state: string; status: { label: string; state: string }[] }[]
    }
    return views.filter(({ kind }) => kind === 'adapter')
  }
  const isWell = { label: 'external', state: 'ok' }
  await until('the services', async () => (await adapters()).every(({ status }) => status[0]?.state === 'ok'))
  const expected = { mode: 'microservice', state: 'active', status: [isWell] }
  expect(await adapters()).toMatchObject(services.filter((name) => name !== 'core').map(() => expected))
})

test('the command line in the container finds the house', async () => {
  expect(await inside('core', 'bun', 'core/cli/hc.ts', 'plugin', 'list')).toContain('lamp')
})

test('a plugin that is saved beside compose.yaml is swapped in the container', async () => {
  expect(await textOf(`${url}/api/plugins/lamp/word`)).toBe('one')
  writeLamp(plugins, 'two')
  await until('the second word', async () => (await textOf(`${url}/api/plugins/lamp/word`)) === 'two')
})

test('a loop that blocks is ended, and the container starts again', async () => {
  const { uptime: before } = (await health()) as unknown as { uptime: number }
  void textOf(`${url}/api/plugins/lamp/block`, { method: 'POST' })
  await until('silence', async () => (await health()) === null)
  await isUp()
  expect(((await health()) as unknown as { uptime: number }).uptime).toBeLessThan(before)
}, 60_000)

test('it stops when it is told to, and what it kept is there for the next', async () => {
  const token = await inside('core', 'cat', '/data/admin-token')
  await run('podman', 'stop', `${project}_core_1`)
  expect(await run('podman', 'inspect', '--format', '{{.State.ExitCode}}', `${project}_core_1`)).toBe('0')
  await compose('down')
  await compose('up', '-d', '--no-build')
  await isUp()
  expect(await inside('core', 'cat', '/data/admin-token')).toBe(token)
}, 120_000)
