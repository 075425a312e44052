// docs/home-console.service, as systemd itself judges it.

import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const unit = await Bun.file(join(import.meta.dir, '../../docs/home-console.service')).text()

const folder = mkdtempSync(join(tmpdir(), 'home-console-unit-'))
const file = join(folder, 'home-console.service')
// The one thing that it must find on this machine.
writeFileSync(file, unit.replaceAll('/usr/local/bin/bun', process.execPath))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** In tenths of what `systemd-analyze security` counts to ten: less is safer, and 9.2 is a unit that says nothing. */
const EXPOSURE = 25

function analyze(...words: string[]): { code: number; said: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(['systemd-analyze', ...words, file])
  return { code: exitCode, said: stdout.toString() + stderr.toString() }
}

test('systemd knows every word of the unit', () => {
  expect(analyze('verify')).toEqual({ code: 0, said: '' })
})

test('the unit shuts in what runs under it', () => {
  const { code, said } = analyze('security', '--offline=true', `--threshold=${EXPOSURE}`)
  expect(said).toContain('Overall exposure level')
  expect(code).toBe(0)
})
