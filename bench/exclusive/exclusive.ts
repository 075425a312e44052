// exclusive: whether anybody notices the swap of a plugin that can have no second version beside it.
//
// Measured: 100 versions of a plugin that holds a UDP port, saved while 20 kept connections send it 200 requests a second;
// every tenth is bad, each in a way of its own. Counted: requests that fail; versions that met another at the port (the
// system lets no second one have it, and each writes down when it took it and gave it back); bad ones after which the
// version before was not back, over HTTP and at the port; good ones that did not take over. And how long a request took.
// Fair, because: the requests go out at their time whether or not the plugin is there, a wait counts from when the request
// was due, none is sent a second time, and the pause between the saves varies.

import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { CloudEvent, PluginEvent } from '@home-console/sdk'
import { amount, atMost, type Benchmark } from '../benchmark.ts'
import { CoreProcess } from '../lib/core.ts'
import { median, p95 } from '../lib/statistics.ts'
import { SteadyClients } from '../lib/steady-clients.ts'
import { saveAtomically, Workspace } from '../lib/workspace.ts'
import { BAD, holder, type Outside } from './versions.ts'

const SAVES = 100
const PER_SECOND = 200
const PATH = '/api/plugins/holder/version'
/** What was not decided, or answered, after this long never will be, in ms. */
const PATIENCE_MS = 15_000
/** A request that takes longer than this had something to wait for, in ms. */
const WAITING_MS = 5
/** How long a version that hangs is left to hang, in ms. */
const HANGING_MS = 150

export const exclusive: Benchmark = {
  name: 'exclusive',
  title: '100 swaps of an exclusive plugin under 200 requests a second, every tenth version bad',

  async run() {
    using workspace = new Workspace()
    const outside: Outside = {
      port: await freeUdpPort(),
      journal: workspace.path('journal'),
      jammed: workspace.path('jammed'),
    }
    workspace.write('plugins/holder', { 'index.ts': holder(outside, 0) })
    writeFileSync(outside.journal, '')
    await using core = await CoreProcess.start({ workspace })
    const decided: string[] = []
    let onDecided = () => {}
    const events = await core.follow(
      '/api/core/events?pattern=plugin.*',
      ({ type }: CloudEvent<PluginEvent>) => {
        decided.push(type)
        onDecided()
      },
    )
    const next = async (what: string): Promise<string> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const patience = setTimeout(() => reject(new Error(`${what} was never told of.`)), PATIENCE_MS)
      onDecided = resolve
      if (decided.length === 0) await promise
      clearTimeout(patience)
      return decided.shift()!
    }
    const clients = new SteadyClients({ url: core.url, path: PATH, perSecond: PER_SECOND })

    let serving = 0
    const notTaken: string[] = []
    const notBack: string[] = []
    for (let version = 1; version <= SAVES; version++) {
      const bad = version % 10 === 0 ? BAD[(version / 10 - 1) % BAD.length] : undefined
      const save = (text: string) => saveAtomically(workspace.path('plugins/holder/index.ts'), text)
      if (bad?.jams) appendFileSync(outside.jammed, '')
      save((bad?.text ?? holder)(outside, version))
      if (bad?.hangs) {
        await Bun.sleep(HANGING_MS)
        continue
      }
      const outcome = await next(`version ${version}`)
      rmSync(outside.jammed, { force: true })
      if (bad === undefined && outcome === 'plugin.reloaded') serving = version
      else if (bad === undefined) notTaken.push(`version ${version}: ${outcome}`)
      const now = [await core.getText(PATH), await holderOf(outside.port)]
      if (bad !== undefined && (outcome !== 'plugin.kept_old' || now.some((word) => word !== `${serving}`)))
        notBack.push(`after one that ${bad.what}: ${outcome}, ${now.join(' and ')} instead of ${serving}`)
      await Bun.sleep(20 + Math.random() * 30)
    }
    await clients.stop()
    events.close()

    const waits = clients.times.filter((ms) => ms > WAITING_MS)
    const met = meetings(readFileSync(outside.journal, 'utf8'))
    return [
      atMost(
        'failed requests',
        clients.failures.length,
        0,
        '',
        [`${amount(clients.times.length, '')} requests`, ...clients.failures.slice(0, 1)].join(
          '; the first: ',
        ),
      ),
      atMost('versions that met another at the port', met.length, 0, '', met[0]),
      atMost('bad versions after which the one before was not back', notBack.length, 0, '', notBack[0]),
      atMost('good versions that did not take over', notTaken.length, 0, '', notTaken[0]),
      {
        what: 'a request, of all',
        value: `median ${amount(median(clients.times), 'ms')}, 95th percentile ${amount(p95(clients.times), 'ms')}`,
        beside: `of the ${waits.length} that met a swap: median ${amount(median(waits), 'ms')}, 95th percentile ${amount(p95(waits), 'ms')}, longest ${amount(Math.max(...waits), 'ms')} (${HANGING_MS} ms are a version that hangs)`,
      },
    ]
  },
}

/** Where one took the port before the other had given it back. */
function meetings(journal: string): string[] {
  const lines = journal.trim().split('\n')
  return lines.flatMap((line, at) => {
    const before = lines[at - 1]
    const fits = line.startsWith('take')
      ? before === undefined || before.startsWith('give')
      : before === line.replace('give', 'take')
    return fits ? [] : `"${line}" after "${before}"`
  })
}

/** Which version answers at the port. */
async function holderOf(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = await Bun.udpSocket({ socket: { data: (_socket, data) => resolve(data.toString()) } })
  const patience = setTimeout(() => resolve('nobody'), 1_000)
  socket.send('who?', port, '127.0.0.1')
  const answer = await promise
  clearTimeout(patience)
  socket.close()
  return answer
}

async function freeUdpPort(): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: '127.0.0.1' })
  const { port } = socket
  socket.close()
  return port
}
