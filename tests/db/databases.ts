// Plugins' databases in a temporary folder, without a house around them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { problem } from '@home-console/sdk'
import { TestClock } from '@home-console/sdk/testing'
import type { PluginData } from '../../core/db/plugin-data.ts'
import { PluginDatabases } from '../../core/db/plugin-databases.ts'
import { Keyring } from '../../core/secrets/keyring.ts'

export class Databases implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'home-console-db-'))
  readonly clock = new TestClock(1_000_000)
  readonly warnings: string[] = []
  readonly all = new PluginDatabases({
    dir: this.folder,
    clock: this.clock,
    leave: (run) => run(),
    secrets: new Keyring({ file: join(this.folder, 'secret.key'), mayMake: true }),
    problem: (code, detail) => problem(400, code, detail),
    warn: (_plugin, message) => this.warnings.push(message),
  })

  get file(): string {
    return this.all.fileOf('keeper')
  }

  lend(): PluginData {
    return this.all.lend('keeper')
  }

  [Symbol.dispose](): void {
    this.all.close()
    rmSync(this.folder, { recursive: true })
  }
}
