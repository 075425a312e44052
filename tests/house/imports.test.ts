// The import rules hold for this repository, and each of them bites.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const repository = resolve(import.meta.dir, '../..')

/** One line of a file of a made-up house, and the rule that it breaks (none: null). */
const cases: [file: string, line: string, breaks: string | null][] = [
  ['core/main.ts', `import './runtime.ts'`, null],
  [
    'core/runtime.ts',
    `import './api/app.ts'; import './loader/plugin-loader.ts'; import './bus/bus.ts'`,
    null,
  ],
  ['core/api/app.ts', `import '../http/app.ts'; import '../db/core.ts'`, null],
  ['core/sdk/testing/index.ts', `import '../../runtime.ts'; import '../index.ts'`, null],
  ['core/http/app.ts', `import './guard.ts'; import '../log.ts'; import '@home-console/sdk'`, null],
  ['core/http/guard.ts', `import 'hono'`, null],
  ['core/http/up.ts', `import '../loader/plugin-loader.ts'`, 'http-looks-down'],
  ['core/http/type.ts', `import type {} from '../loader/plugin-loader.ts'`, 'http-looks-down'],
  ['core/loader/plugin-loader.ts', `import '../scope/scope.ts'`, null],
  ['core/loader/up.ts', `import '../api/app.ts'`, 'loader-looks-down'],
  ['core/loader/generation/border.ts', `import '../border/border.ts'; import '../fault.ts'`, null],
  ['core/loader/border/border.ts', `import '../fault.ts'`, null],
  ['core/loader/fault.ts', `export {}`, null],
  ['core/loader/files/up.ts', `import '../generation/border.ts'`, 'loader-files-looks-down'],
  ['core/external/ways/way-opener.ts', `import '../reach.ts'`, null],
  ['core/external/reach.ts', `export {}`, null],
  ['core/external/ways/up.ts', `import '../external-service.ts'`, 'external-ways-looks-down'],
  ['core/external/external-service.ts', `export {}`, null],
  ['core/api/up.ts', `import '../runtime.ts'`, 'api-looks-down'],
  ['core/runtime-parts.ts', `import './main.ts'`, 'runtime-looks-down'],
  ['core/bus/bus.ts', `import '../clock.ts'`, null],
  ['core/scope/scope.ts', `export {}`, null],
  ['core/scope/sideways.ts', `import '../bus/bus.ts'`, 'scope-looks-down'],
  ['core/services/late.ts', `export const late = () => import('../scope/scope.ts')`, 'services-looks-down'],
  ['core/log.ts', `import './log-output.ts'`, null],
  ['core/log-output.ts', `import 'node:fs'`, null],
  ['core/clock.ts', `export {}`, null],
  ['core/db/core.ts', `import 'bun:sqlite'`, null],
  ['core/db/sideways.ts', `import '../log.ts'`, 'ground-knows-nobody'],
  ['core/config.ts', `import './bus/bus.ts'`, 'ground-knows-nobody'],
  ['core/bus/store.ts', `import 'bun:sqlite'`, 'one-door-to-sqlite'],
  ['core/loader/names-a-plugin.ts', `import '../../plugins/lamp/index.ts'`, 'core-names-no-plugin'],
  ['core/loader/testing.ts', `import 'fast-check'`, 'product-needs-no-dev-package'],
  ['core/loader/tested.ts', `import '../../tests/helper.ts'`, 'product-needs-no-tests'],
  ['core/loader/egg.ts', `import './hen.ts'`, 'no-circle'],
  ['core/loader/hen.ts', `import './egg.ts'`, null],
  ['core/sdk/index.ts', `import './plugin.ts'`, null],
  ['core/sdk/plugin.ts', `export {}`, null],
  ['core/sdk/tested.ts', `import './testing/index.ts'`, 'testing-is-for-tests'],
  ['core/cli/hc.ts', `import './call.ts'; import '../plugin-package.ts'`, null],
  ['core/plugin-package.ts', `export {}`, null],
  ['core/cli/call.ts', `import '../sdk/index.ts'`, 'cli-speaks-http'],
  ['core/loader/cli.ts', `import '../cli/call.ts'`, 'nobody-imports-the-cli'],
  [
    'plugins/lamp/index.ts',
    `import '@home-console/sdk'; import './bulb.ts'; import '../_shared/colour.ts'`,
    null,
  ],
  ['plugins/lamp/bulb.ts', `import type {} from '../weather/contract.ts'`, null],
  ['plugins/lamp/contract.ts', `export {}`, null],
  ['plugins/lamp/lamp.test.ts', `import '@home-console/sdk/testing'; import './contract.ts'`, null],
  ['plugins/lamp/testing.ts', `import '@home-console/sdk/testing'`, 'testing-is-for-tests'],
  ['plugins/lamp/core.ts', `import '../../core/sdk/plugin.ts'`, 'plugin-stands-on-the-sdk'],
  ['plugins/lamp/other.ts', `import '../weather/index.ts'`, 'plugin-knows-no-plugin'],
  ['plugins/lamp-two.ts', `import type {} from './lamp/bulb.ts'`, 'plugin-knows-no-plugin'],
  ['plugins/lamp/values.ts', `import '../weather/contract.ts'`, 'contract-is-types-only'],
  ['plugins/weather/index.ts', `import './contract.ts'`, null],
  ['plugins/weather/contract.ts', `export {}`, null],
  ['plugins/_shared/colour.ts', `export {}`, null],
  ['external/clients/main.ts', `import './store.ts'`, null],
  ['external/clients/store.ts', `import '../../core/sdk/index.ts'`, 'external-stands-apart'],
  ['tests/helper.ts', `import '../core/main.ts'; import '@home-console/sdk/testing'`, null],
]

let house = ''
beforeAll(async () => {
  house = await mkdtemp(join(tmpdir(), 'house-'))
  const copied = ['package.json', 'tsconfig.json', '.dependency-cruiser.mjs']
  for (const file of copied) await Bun.write(join(house, file), Bun.file(join(repository, file)))
  for (const [file, line] of cases) await Bun.write(join(house, file), `${line}\n`)
  for (const name of ['hono', 'fast-check'])
    await Bun.write(join(house, 'node_modules', name, 'index.js'), '')
  await Bun.write(join(house, 'core/sdk/package.json'), Bun.file(join(repository, 'core/sdk/package.json')))
  await Bun.$`mkdir -p node_modules/@home-console`.cwd(house)
  await symlink('../../core/sdk', join(house, 'node_modules/@home-console/sdk'))
})
afterAll(() => rm(house, { recursive: true }))

interface Cruise {
  readonly modules: { source: string }[]
  readonly summary: { violations: { from: string; to: string; rule: { name: string } }[] }
}

/** What dependency-cruiser sees in `folder` under the rules that lie there. */
async function cruise(folder: string): Promise<Cruise> {
  const depcruise = join(repository, 'node_modules/.bin/depcruise')
  const run = Bun.spawn([process.execPath, '--bun', depcruise, '.', '--output-type', 'json'], { cwd: folder })
  return (await new Response(run.stdout).json()) as Cruise
}

test('no file of this repository imports what its room must not', async () => {
  const { modules, summary } = await cruise(repository)
  expect(summary.violations.map(({ from, to, rule }) => `${from} imports ${to}: ${rule.name}`)).toEqual([])
  expect(modules.map((module) => module.source)).toContain('core/sdk/index.ts')
}, 60_000)

test('every rule catches what breaks it and lets the rest pass', async () => {
  const { summary } = await cruise(house)
  const broken = summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`)
  const expected = cases.flatMap(([file, , rule]) => (rule === null ? [] : [`${file}: ${rule}`]))
  expect(broken.toSorted()).toEqual(expected.toSorted())
}, 60_000)
