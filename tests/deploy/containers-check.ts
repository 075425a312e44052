// compose.yaml for real: its images built from the Dockerfile, its containers run by podman. See scripts/check-deployment.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AgentProcess } from '../clients/kit.ts'
import { freePort } from '../processes.ts'
import { until } from '../until.ts'
import { adaptersOf, ask, repository, run, shelf, textOf, writeLamp } from './check.ts'

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
const token = () => inside('core', 'cat', '/data/admin-token')
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
  expect(await adaptersOf(url, await token())).toEqual({ 'client-manager': 'microservice' })
  expect(services.toSorted()).toEqual(['client-manager-service', 'core'])
})

test('a computer of the household comes in by the one door, runs what it is told, and the house hears of it', async () => {
  const manager = `${url}/api/plugins/client-manager`
  await using agent = new AgentProcess(`${manager.replace('http', 'ws')}/ws`)
  const id = await agent.id()
  const own = await token()
  const approved = () =>
    ask(`${manager}/enrollments/${id}/approve`, own, 'POST').then(
      () => true,
      () => false,
    )
  await until('it to be approved', approved)
  // The service says so itself, with the secret of the two.
  const isHeard = async () => {
    const path = '/api/core/events/log?pattern=client.connected'
    const { events } = await ask<{ events: { subject: string; source: string }[] }>(url + path, own)
    return events.some(
      ({ subject, source }) => subject === id && source === '/external/client-manager-service',
    )
  }
  await until('the house to hear of it', isHeard, 15_000)
  await ask(`${manager}/policy`, own, 'PUT', { commands: { greet: { argv: ['echo', 'good evening'] } } })
  const result = await ask(`${manager}/commands/${id}`, own, 'POST', { name: 'greet' })
  expect(JSON.stringify(result)).toContain('good evening')
}, 60_000)

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
  const before = await token()
  await run('podman', 'stop', `${project}_core_1`)
  expect(await run('podman', 'inspect', '--format', '{{.State.ExitCode}}', `${project}_core_1`)).toBe('0')
  await compose('down')
  await compose('up', '-d', '--no-build')
  await isUp()
  expect(await token()).toBe(before)
}, 120_000)
