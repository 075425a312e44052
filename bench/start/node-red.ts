// Node-RED of an exact version, installed from npm outside the repository the first time that it is needed.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface NodeRed {
  readonly version: string
  /** Its program, to be run by `node`. */
  readonly program: string
  readonly node: string
}

/** The newest first, and the oldest Node.js that each runs on: `engines` of their package.json. */
const VERSIONS = [
  { version: '5.0.7', nodeMajor: 22, nodeMinor: 9 },
  { version: '4.1.15', nodeMajor: 18, nodeMinor: 5 },
] as const

const INSTALL_MS = 120_000

/** @throws Error saying why there is none */
export async function installNodeRed(): Promise<NodeRed> {
  const node = Bun.which('node')
  if (node === null) throw new Error('there is no Node.js')
  const [major = 0, minor = 0] = Bun.spawnSync([node, '--version'])
    .stdout.toString()
    .slice(1)
    .split('.')
    .map(Number)
  const version = VERSIONS.find(
    ({ nodeMajor, nodeMinor }) => major > nodeMajor || (major === nodeMajor && minor >= nodeMinor),
  )?.version
  if (version === undefined) throw new Error(`Node.js ${major}.${minor} is too old for it`)
  const folder = join(tmpdir(), 'home-console-bench', `node-red-${version}`)
  const program = join(folder, 'node_modules/node-red/red.js')
  if (!existsSync(join(folder, 'complete'))) await install(folder, version)
  return { version, program, node }
}

async function install(folder: string, version: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: { 'node-red': version } }),
  )
  const install = Bun.spawn([process.execPath, 'install', '--no-progress', '--ignore-scripts'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: INSTALL_MS,
  })
  const said = await new Response(install.stderr).text()
  if ((await install.exited) !== 0)
    throw new Error(`it could not be installed: ${said.trim().split('\n').at(-1)}`)
  writeFileSync(join(folder, 'complete'), '')
}
