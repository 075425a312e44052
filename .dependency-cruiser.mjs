// The import rules of the house: which room may look into which. CONTRIBUTING.md has the picture.

/**
 * The rooms of the Core from the top down: `core/<room>.ts`, `core/<room>-*.ts` and `core/<room>/`. A room may import
 * what is on the floors below it, never its neighbours. What is not named here stands on the ground: everyone may
 * import it and it imports nothing of ours.
 */
const floors = [
  ['main', 'sdk/testing'],
  ['runtime'],
  ['api'],
  ['loader'],
  ['http', 'scope', 'services', 'bus', 'vigil', 'secrets', 'settings', 'backup', 'external', 'proxy'],
]

/** The rooms within the loader, in the same way. */
const loaderFloors = [
  ['loader/plugin-loader'],
  ['loader/config-changes', 'loader/mode-manager'],
  ['loader/life'],
  ['loader/generation'],
  ['loader/organs'],
  ['loader/versions'],
  ['loader/files'],
  ['loader/border'],
  ['loader/fault'],
]

/** Those within http. */
const httpFloors = [
  ['http/server'],
  ['http/app'],
  ['http/waiting-room'],
  ['http/mount'],
  ['http/document'],
  ['http/routing', 'http/sockets'],
  ['http/door'],
  ['http/answers'],
]

/** And those within external. */
const externalFloors = [
  ['external/external-services', 'external/correspondence'],
  ['external/external-service'],
  ['external/ways'],
  ['external/call'],
  ['external/manifest', 'external/reach', 'external/folder-watch'],
]

const room = (name) => `^core/${name}[-./]`
const product = '^(core|plugins|external)/'
const test = '\\.test\\.ts$'

const downwards = [floors, loaderFloors, httpFloors, externalFloors].flatMap((house) =>
  house.flatMap((rooms, floor) =>
    rooms.flatMap((name) => {
      const others = house
        .slice(0, floor + 1)
        .flat()
        .filter((other) => other !== name)
      if (others.length === 0) return []
      return {
        name: `${name.replace('/', '-')}-looks-down`,
        comment: `core/${name} imports from the floors below it. Pass it what it needs as an argument, or move that down.`,
        from: { path: room(name) },
        to: { path: others.map(room) },
      }
    }),
  ),
)

const rules = [
  ...downwards,
  {
    name: 'ground-knows-nobody',
    comment: 'The ground (sdk, db, config, log and whatever no floor names) imports nothing of ours.',
    from: { path: '^core/([^-./]+)', pathNot: [...floors.flat().map(room), '^core/cli/'] },
    to: { path: '^core/', pathNot: '^core/$1[-./]' },
  },
  {
    name: 'wire-knows-http-alone',
    comment:
      'The wire carries questions and answers; what they are good for is the affair of the proxy above it.',
    from: { path: '^core/proxy/wire/' },
    to: { path: '^core/', pathNot: '^core/proxy/wire/' },
  },
  {
    name: 'no-circle',
    comment:
      'A circle has no end to begin reading at. (Types are erased, so within a room they may name each other.)',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'core-names-no-plugin',
    comment: 'The Core meets plugins and external services at run time only.',
    from: { path: '^core/' },
    to: { path: '^(plugins|external)/' },
  },
  {
    name: 'plugin-stands-on-the-sdk',
    comment: 'Of the Core, a plugin knows @home-console/sdk (and its tests @home-console/sdk/testing).',
    from: { path: '^plugins/' },
    to: { path: '^(core|external)/', pathNot: '^core/sdk/(testing/)?index\\.ts$' },
  },
  {
    name: 'testing-is-for-tests',
    comment: '@home-console/sdk/testing stands on the whole runtime; what ships does not.',
    from: { pathNot: ['^core/sdk/testing/', '^(tests|bench)/', test] },
    to: { path: '^core/sdk/testing/' },
  },
  {
    name: 'plugin-knows-no-plugin',
    comment:
      'Plugins meet through events and services. Files under plugins/_… belong to no plugin and may be shared.',
    from: { path: '^plugins/([^/]+)' },
    to: { path: '^plugins/[^_]', pathNot: ['^plugins/$1(/|$)', '/contract\\.ts$'] },
  },
  {
    name: 'contract-is-types-only',
    comment: 'What another plugin may know of a plugin is `import type` of its contract.ts.',
    from: { path: '^plugins/([^/]+)' },
    to: {
      path: '^plugins/[^_].*/contract\\.ts$',
      pathNot: '^plugins/$1/',
      dependencyTypesNot: ['type-only'],
    },
  },
  {
    name: 'cli-speaks-http',
    comment:
      'core/cli stands apart: it talks to a running Core and imports none of it, but for how a package.json is read.',
    from: { path: '^core/cli/' },
    to: { path: '^core/', pathNot: ['^core/cli/', '^core/plugin-package\\.ts$'] },
  },
  {
    name: 'nobody-imports-the-cli',
    comment: 'core/cli is a program, not a library.',
    from: { pathNot: ['^core/cli/', '^tests/'] },
    to: { path: '^core/cli/' },
  },
  {
    name: 'external-stands-apart',
    comment: 'An external service is a process of its own, reached over HTTP.',
    from: { path: '^external/([^/]+)' },
    to: { path: product, pathNot: '^external/$1/' },
  },
  {
    name: 'one-door-to-sqlite',
    comment: 'Only core/db opens SQLite: it owns the connections and lends them.',
    from: { path: '^core/', pathNot: '^core/db/' },
    to: { path: '^(bun|node):sqlite$' },
  },
  {
    name: 'product-needs-no-tests',
    comment: 'What ships imports neither tests nor benches.',
    from: { path: product, pathNot: test },
    to: { path: '^(tests|bench)/' },
  },
  {
    name: 'product-needs-no-dev-package',
    comment: 'What ships runs after `bun install --production`. Move the package to "dependencies".',
    from: { path: product, pathNot: test },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  },
]

export default {
  forbidden: rules.map((rule) => ({ severity: 'error', ...rule })),
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(data|coverage)/' },
    builtInModules: { add: ['bun', 'bun:ffi', 'bun:jsc', 'bun:sqlite', 'bun:test'] },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
  },
}
