// The environment: what is taken, what is refused and how it is said.

import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { ConfigError, readEnvironment } from '../../core/config.ts'

test('an empty environment gives the documented defaults', () => {
  expect(readEnvironment({}, false)).toEqual({
    host: '127.0.0.1',
    port: 11_000,
    dataDir: `${process.cwd()}/data`,
    pluginsDirs: [`${process.cwd()}/plugins`],
    logLevel: 'info',
    logFormat: 'json',
    adminToken: null,
    publicUrl: null,
    allowedHosts: [],
    trustedProxies: [],
    blockedLoopMs: 3_000,
    runtimeDir: `${process.cwd()}/data`,
    notify: null,
    rollbackAfter: 10,
    secretKeyFile: null,
    backupDir: `${process.cwd()}/data/backups`,
    externalDir: `${process.cwd()}/external`,
    external: {},
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    childEnvironment: {},
    pluginEnvironment: {},
  })
  expect(readEnvironment({}, true).logFormat).toBe('pretty')
})

test('a variable that is set to nothing counts as not given', () => {
  expect(readEnvironment({ PORT: '', HOST: '', ADMIN_TOKEN: '' }, false)).toEqual(readEnvironment({}, false))
})

test('lists are taken apart and trimmed', () => {
  const config = readEnvironment({ PLUGINS_DIR: '/a::/b', ALLOWED_HOSTS: 'Pi.lan, house.example ,' }, false)
  expect(config.pluginsDirs).toEqual(['/a', '/b'])
  expect(config.allowedHosts).toEqual(['pi.lan', 'house.example'])
  const proxies = '127.0.0.1, 10.0.0.0/8,::1 ,fd00::/8'
  expect(readEnvironment({ TRUSTED_PROXIES: proxies }, false).trustedProxies).toEqual([
    '127.0.0.1',
    '10.0.0.0/8',
    '::1',
    'fd00::/8',
  ])
})

test('the admin token is taken out of the environment', () => {
  const env = { ADMIN_TOKEN: 'a-token-of-some-length', PATH: '/bin' }
  expect(readEnvironment(env, false).adminToken).toBe('a-token-of-some-length')
  expect(env).toEqual({ PATH: '/bin' } as never)
})

test('what sets the config of plugins is taken out of the environment, with the secrets in it', () => {
  const env = {
    PLUGIN_LAMP__TOKEN: 'hunter2',
    PLUGIN_TWO_WORDS__A__B_C: '1',
    PLUGIN_LAMP__EMPTY: '',
    PLUGIN_DIR: '/x',
    PATH: '/bin',
  }
  expect(readEnvironment(env, false).pluginEnvironment).toEqual({
    PLUGIN_LAMP__TOKEN: 'hunter2',
    PLUGIN_TWO_WORDS__A__B_C: '1',
  })
  expect(env).toEqual({ PLUGIN_DIR: '/x', PATH: '/bin' } as never)
})

test('where external services are and what proves them is taken out of the environment, by the name of each', () => {
  const folder = mkdtempSync(join(tmpdir(), 'home-console-'))
  writeFileSync(join(folder, 'credential'), 'a-credential-in-a-file\n')
  const env = {
    EXTERNAL_CLIENT_MANAGER__URL: 'http://clients:4000',
    EXTERNAL_CLIENT_MANAGER__CREDENTIAL: 'a-credential-by-itself',
    EXTERNAL_MOWER__CREDENTIAL_FILE: join(folder, 'credential'),
    EXTERNAL_EMPTY__URL: '',
    EXTERNAL_DIR: '/x',
    PATH: '/bin',
  }
  const { external, externalDir } = readEnvironment(env, false)
  expect(external).toEqual({
    'client-manager': { url: 'http://clients:4000', credential: 'a-credential-by-itself' },
    mower: { credential: 'a-credential-in-a-file' },
  })
  expect(externalDir).toBe('/x')
  expect(env).toEqual({ EXTERNAL_DIR: '/x', PATH: '/bin' } as never)
  rmSync(folder, { recursive: true })
})

test('the key for secrets is the named one, or what systemd lays in its folder', () => {
  const credentials = mkdtempSync(join(tmpdir(), 'home-console-'))
  const file = (env: Record<string, string>) => readEnvironment(env, false).secretKeyFile
  expect(file({ CREDENTIALS_DIRECTORY: credentials })).toBeNull()
  writeFileSync(join(credentials, 'home-console-key'), 'x')
  expect(file({ CREDENTIALS_DIRECTORY: credentials })).toBe(join(credentials, 'home-console-key'))
  expect(file({ CREDENTIALS_DIRECTORY: credentials, SECRET_KEY_FILE: '/etc/key' })).toBe('/etc/key')
  rmSync(credentials, { recursive: true })
})

test.each([
  ['PORT', '99999'],
  ['PORT', '-1'],
  ['PORT', '80a'],
  ['LOG_LEVEL', 'loud'],
  ['LOG_FORMAT', 'xml'],
  ['ADMIN_TOKEN', 'short'],
  ['ADMIN_TOKEN', 'with spaces in its middle'],
  ['PUBLIC_URL', 'house'],
  ['PLUGINS_DIR', ':'],
  ['TRUSTED_PROXIES', 'proxy.lan'],
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TRUSTED_PROXIES', '::1/129'],
  ['TRUSTED_PROXIES', '10.0.0.1,300.1.1.1'],
  ['TRUSTED_PROXIES', '10.0.0.0/8/8'],
  ['ROLLBACK_AFTER', '-1'],
  ['EXTERNAL_MOWER__URL', 'mower.lan'],
  ['EXTERNAL_MOWER__URL', 'http://mower.lan/path'],
  ['EXTERNAL_MOWER__CREDENTIAL', 'short'],
  ['EXTERNAL_MOWER__CREDENTIAL_FILE', '/not/there'],
  ['EXTERNAL_MOWER__COLOUR', 'red'],
])('%s=%j is refused, and the variable is named', (name, value) => {
  expect(() => readEnvironment({ [name]: value }, false)).toThrow(ConfigError)
  expect(() => readEnvironment({ [name]: value }, false)).toThrow(name)
})

test('a variable that no external service has is said to be none', () => {
  const misspelt = { EXTERNAL_MOWER__CREDENTAIL: 'a-credential-by-itself' }
  expect(() => readEnvironment(misspelt, false)).toThrow(
    'EXTERNAL_MOWER__CREDENTAIL: is no variable of a service',
  )
})

test('every mistake is named at once', () => {
  expect(() => readEnvironment({ PORT: 'x', LOG_LEVEL: 'y' }, false)).toThrow(/PORT[^]*LOG_LEVEL/)
})

test('whatever stands in the environment, it is a config or a clear refusal', () => {
  const names = fc.constantFrom(
    'HOST',
    'PORT',
    'DATA_DIR',
    'PLUGINS_DIR',
    'LOG_LEVEL',
    'ADMIN_TOKEN',
    'PUBLIC_URL',
    'ALLOWED_HOSTS',
    'TRUSTED_PROXIES',
  )
  fc.assert(
    fc.property(fc.dictionary(names, fc.string()), (env) => {
      try {
        const { port, pluginsDirs } = readEnvironment({ ...env }, false)
        return Number.isInteger(port) && port >= 0 && port <= 65_535 && pluginsDirs.length > 0
      } catch (error) {
        return error instanceof ConfigError && Object.keys(env).some((name) => error.message.includes(name))
      }
    }),
  )
})

test('the zone is the system’s, whatever it is called, and UTC needs no Intl to be told', () => {
  for (const zone of ['UTC', 'Etc/UTC']) expect(readEnvironment({ TZ: zone }, false).timeZone).toBe('UTC')
  const { stdout } = Bun.spawnSync(
    [
      process.execPath,
      '-e',
      `import { readEnvironment } from '${join(import.meta.dir, '../../core/config.ts')}'
      console.log(readEnvironment(process.env, false).timeZone)`,
    ],
    { env: { TZ: 'Asia/Tokyo' } },
  )
  expect(stdout.toString().trim()).toBe('Asia/Tokyo')
})
