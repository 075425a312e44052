// A disk of a size of one's own, in memory: it can be filled, freed again, and made read-only. Takes root, as CI has it.

import { $ } from 'bun'
import { appendFileSync, mkdtempSync, realpathSync, rmSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class SmallDisk implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** @param size as `mount` takes it: `4m` */
  static async mount(size: string): Promise<SmallDisk> {
    const path = realpathSync(mkdtempSync(join(tmpdir(), 'home-console-disk-')))
    await $`mount -t tmpfs -o size=${size},mode=0755 tmpfs ${path}`.quiet()
    return new SmallDisk(path)
  }

  /** Leaves no byte free. */
  fill(): void {
    for (const bytes of [1 << 20, 1 << 12, 1]) {
      const chunk = new Uint8Array(bytes)
      try {
        for (;;) appendFileSync(this.#filler, chunk)
      } catch {
        // Full, to so many bytes.
      }
    }
  }

  free(): void {
    rmSync(this.#filler)
  }

  async readOnly(isReadOnly: boolean): Promise<void> {
    await $`mount -o remount,${isReadOnly ? 'ro' : 'rw'} ${this.path}`.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: whoever still has a file open there keeps it until he closes it.
    await $`umount -l ${this.path}`.quiet()
    rmdirSync(this.path)
  }

  get #filler(): string {
    return join(this.path, 'filler')
  }
}
