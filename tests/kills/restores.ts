// Killed while a backup is brought back: the house is as it was or as the backup has it, and never half of each.

import { existsSync } from 'node:fs'
import { until } from '../until.ts'
import { FILES, House } from './house.ts'
import { get, send, timed, type Kind } from './kill.ts'

const NOW = 'fr-FR'
const THEN = 'de-DE'

export const restores: Kind = {
  what: 'restores',
  files: FILES,

  async prepare(core) {
    const house = new House(core)
    await house.become(THEN)
    house.fill(2)
    const { name } = (await send(core, 'POST', '/api/core/backups', {})) as { name: string }
    const bringBack = () => send(core, 'POST', `/api/core/restore?backup=${name}`, {})
    // The Core starts anew in its own process, at another port: for a moment nobody answers.
    const isBack = async () => {
      const { message } = core.logs.findLast(({ message }) => message.startsWith('Listening on '))!
      core.url = /http:\/\/[^/]+/.exec(message)![0]
      const { pending } = await get(core, '/api/core/restore').catch(() => ({ pending: true }))
      return pending === false && (await house.says().catch(() => [])).every((locale) => locale === THEN)
    }
    await house.become(NOW)
    const taken = await timed(async () => {
      await bringBack()
      await until('the house to be what it was', isBack)
    })
    await house.become(NOW)
    let acknowledged = false
    let wasDecided = false
    return {
      between: [0, taken],
      async write() {
        acknowledged = false
        acknowledged = (await bringBack()) !== null
        return acknowledged ? 1 : 0
      },
      whileDead() {
        wasDecided = existsSync(house.path('restore/state.json'))
        return wasDecided || !acknowledged
      },
      async damage() {
        const says = await house.says()
        const half = house.leftBehind().map((left) => `${left} was left behind`)
        if (new Set(says).size > 1) half.push(`the house says ${says.join(', ')}`)
        const lost =
          (acknowledged || wasDecided) && says[0] !== THEN
            ? ['a restore that was decided did not happen']
            : []
        if (says[0] !== NOW) await house.become(NOW)
        return { lost, half }
      },
    }
  },
}
