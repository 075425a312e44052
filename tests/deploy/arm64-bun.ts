// The Bun of a Raspberry Pi: this machine's own where it is one, else that for arm64, under an emulator of its processor.

import { existsSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The least that 64-bit Home Console runs on, a Pi 3 or Zero 2: newer instructions are faults there, and here. */
const PROCESSOR = 'cortex-a53'
const EMULATOR = 'qemu-aarch64-static'
/** Debian's `libc6-arm64-cross`. */
const LIBRARIES = '/usr/aarch64-linux-gnu'
const INSTALL_MS = 120_000

/**
 * The command to put in front of a program.
 *
 * @throws Error naming what is missing
 */
export async function arm64Bun(): Promise<readonly string[]> {
  if (process.arch === 'arm64') return [process.execPath]
  const emulator = Bun.which(EMULATOR)
  if (emulator === null || !existsSync(LIBRARIES))
    throw new Error(
      `There is no ${EMULATOR}, or no ${LIBRARIES}. To install what tests need: scripts/install-test-needs`,
    )
  return [emulator, '-cpu', PROCESSOR, '-L', LIBRARIES, await installed()]
}

/** From npm the first time, outside the repository: it is of no use to this machine otherwise. */
async function installed(): Promise<string> {
  const shelf = join(tmpdir(), 'home-console-test')
  const folder = join(shelf, `bun-${Bun.version}-arm64`)
  const bun = join(folder, 'node_modules/@oven/bun-linux-aarch64/bin/bun')
  if (existsSync(bun)) return bun
  mkdirSync(shelf, { recursive: true })
  // Put in its place whole, so that one which was interrupted is not taken for one.
  const fresh = mkdtempSync(`${folder}-`)
  writeFileSync(
    join(fresh, 'package.json'),
    JSON.stringify({ private: true, dependencies: { '@oven/bun-linux-aarch64': Bun.version } }),
  )
  const install = Bun.spawn([process.execPath, 'install', '--no-progress', '--os=linux', '--cpu=arm64'], {
    cwd: fresh,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: INSTALL_MS,
  })
  const said = await new Response(install.stderr).text()
  if ((await install.exited) !== 0)
    throw new Error(`Bun for arm64 could not be installed: ${said.trim().split('\n').at(-1)}`)
  renameSync(fresh, folder)
  return bun
}
