// The one thing that there is, lent to plugins one at a time, and plugins that hold it.

/** Who holds the one thing that there is. Lives outside of all plugins, as a serial port does. */
export const port = { holder: null as string | null, log: [] as string[] }
Object.assign(globalThis, {
  port: {
    take(who: string) {
      if (port.holder !== null) throw new Error(`${who} met ${port.holder} at the port`)
      port.holder = who
      port.log.push(`take ${who}`)
    },
    give(who: string) {
      if (port.holder !== who) throw new Error(`${who} gives what ${port.holder} holds`)
      port.holder = null
      port.log.push(`give ${who}`)
    },
  },
})

export function freePort(): void {
  port.holder = null
  port.log.length = 0
}

/** Holds the port from its import on, until its last goodbye. */
export const holder = (
  word: string,
  { load = '', goodbye = '', handover = `({ seen })`, more = '' } = {},
) => `
  import { definePlugin } from '@home-console/sdk'
  globalThis.port.take('${word}')
  const seen = []
  export default definePlugin({
    exclusive: true,
    provides: ['port'],
    ${more}
    async onLoad(ctx) {
      ctx.defer(async () => { ${goodbye}; globalThis.port.give('${word}') })
      seen.push(...(ctx.handover?.seen ?? []), '${word}')
      ${load}
      ctx.services.provide('port', { word: () => '${word}' })
      ctx.events.on('ping', ({ data }) => ctx.events.emit('pong', '${word} ' + data))
      const router = ctx.router({ security: [] })
      router.get('/word', (c) => c.text('${word}'))
      router.get('/slow', async (c) => { await Bun.sleep(150); return c.text('${word}') })
      router.get('/seen', (c) => c.json(seen))
      return router
    },
    handover: () => ${handover},
  })`
