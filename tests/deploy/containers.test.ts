// What Dockerfile and compose.yaml promise, read together; scripts/check-deployment builds and runs them.

import { expect, test } from 'bun:test'
import { join } from 'node:path'

interface Service {
  readonly image: string
  readonly build: { readonly target: string; readonly args?: Readonly<Record<string, string>> }
  readonly environment: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly volumes: readonly string[]
}

const root = join(import.meta.dir, '../..')
const dockerfile = await Bun.file(join(root, 'Dockerfile')).text()
const { services, secrets } = Bun.YAML.parse(await Bun.file(join(root, 'compose.yaml')).text()) as {
  services: Readonly<Record<string, Service>>
  secrets?: Readonly<Record<string, unknown>>
}
const named = Object.entries(services)

/** The stages of the Dockerfile by name, each with its own lines. */
const stages = new Map(
  dockerfile.split(/^(?=FROM )/m).flatMap((stage) => {
    const name = /^FROM \S+ AS (\S+)/.exec(stage)?.[1]
    return name === undefined ? [] : [[name, stage] as const]
  }),
)

test.each(named)('%s is shut in, and bounded in what it takes', (_name, service) => {
  // A copy, as the services share parts by alias and `toMatchObject` writes its matchers into what it was given.
  expect(structuredClone(service)).toMatchObject({
    init: true,
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    restart: 'unless-stopped',
    pids_limit: expect.any(Number),
    mem_limit: expect.stringMatching(/^\d+m$/),
    stop_grace_period: expect.stringMatching(/^\d+s$/),
    logging: { options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } },
  })
})

test.each(named)(
  '%s is built from a stage that there is, and keeps its data in a volume',
  (_name, service) => {
    expect([...stages.keys()]).toContain(service.build.target)
    expect(service.volumes.filter((volume) => volume.endsWith(':/data'))).toHaveLength(1)
  },
)

test('what runs in an image is not root, and says how it is', () => {
  expect(stages.get('house')).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m)
  expect(stages.get('house')).toMatch(/^HEALTHCHECK /m)
  for (const target of ['core', 'external']) expect(stages.get(target)).toMatch(/^FROM house AS /)
})

test('a service and the Core share one secret, and find each other where the other listens', () => {
  const { core, ...others } = services
  const port = /^ENV .*\bPORT=(\d+)/m.exec(stages.get('external')!)![1]
  const ofCore = new URL(`http://core:${/^ENV .*\bPORT=(\d+)/m.exec(stages.get('core')!)![1]}`)
  for (const [name, { environment, secrets: held, build }] of Object.entries(others)) {
    const variable = `EXTERNAL_${name.toUpperCase().replaceAll('-', '_')}`
    expect(core!.environment).toMatchObject({
      ALLOWED_HOSTS: expect.stringMatching(/^core,/),
      [`${variable}__URL`]: `http://${name}:${port}`,
      [`${variable}__CREDENTIAL_FILE`]: `/run/secrets/${name}`,
    })
    expect(environment).toMatchObject({
      HOME_CONSOLE_URL: ofCore.origin,
      HOME_CONSOLE_CREDENTIAL_FILE: `/run/secrets/${name}`,
    })
    expect(build.args).toEqual({ SERVICE: name })
    expect([core!.secrets, held]).toEqual([[name], [name]])
    expect(Object.keys(secrets!)).toContain(name)
  }
})
