// Killed while a backup is made: those that were acknowledged can be read, and of the one under way nothing is left.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readBackup } from '../../core/backup/unpack.ts'
import { FILES, House } from './house.ts'
import { get, send, timed, type Kind } from './kill.ts'

export const backups: Kind = {
  what: 'backups',
  files: FILES,

  async prepare(core) {
    const house = new House(core)
    await house.become('de-DE')
    house.fill(2)
    const make = () => send(core, 'POST', '/api/core/backups', {}) as Promise<{ name: string } | null>
    const taken = await timed(make)
    let made = new Set<string>()
    let finished = false
    return {
      // The machine may be busier than when it was timed: some must be done before they are killed.
      between: [0, 2 * taken],
      async write() {
        finished = false
        const backup = await make()
        if (backup === null) return 0
        made.add(backup.name)
        finished = true
        return 1
      },
      whileDead: () => !finished,
      async damage() {
        const { backups } = (await get(core, '/api/core/backups')) as { backups: { name: string }[] }
        const half = house.leftBehind().map((name) => `${name} was left behind`)
        for (const { name } of backups) {
          await readBackup(house.path('backups', name), { version: '999.0.0' }).catch((error: Error) =>
            half.push(`${name} cannot be read: ${error.message}`),
          )
        }
        const there = new Set(backups.map(({ name }) => name))
        const lost = [...made].filter((name) => !there.has(name)).map((name) => `${name} is gone`)
        const says = await house.says()
        if (says.some((locale) => locale !== 'de-DE')) lost.push(`the house says ${says.join(', ')}`)
        // Each was looked at once.
        for (const name of readdirSync(house.path('backups'))) rmSync(join(house.path('backups'), name))
        made = new Set()
        return { lost, half }
      },
    }
  },
}
