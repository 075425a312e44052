// A plugin's row that the disk does not take: its client is told, it is not there, and the next one is when the disk works.

import { expect, test } from 'bun:test'
import { CoreProcess } from '../faults/core-process.ts'
import { LEDGER, ledger, type State } from '../kills/ledger.ts'
import { injectFault } from './inject-fault.ts'

test.each([
  ['turns read-only', 'pwrite64:error=EROFS'],
  ['fails to write', 'pwrite64:error=EIO'],
  ['fails to sync', 'fsync,fdatasync:error=EIO'],
])(
  'on a disk that %s',
  async (_how, fault) => {
    await using core = await CoreProcess.start(ledger(0))
    const add = (id: number) => core.request(`${LEDGER}/row/${id}`, { method: 'POST' })
    const state = async () => (await (await core.request(LEDGER)).json()) as State
    expect((await add(1)).status).toBe(200)
    {
      await using _fault = await injectFault(core, fault)
      for (let id = 2; id < 5; id++) {
        const refused = await add(id)
        expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'storage_failed' }])
      }
      expect(await state()).toMatchObject({ rows: [1], children: [1] })
    }
    expect((await add(5)).status).toBe(200)
    core.kill('SIGKILL')
    await core.exited
    await core.start()
    expect(await state()).toMatchObject({ rows: [1, 5], children: [1, 5], integrity: 'ok' })
  },
  20_000,
)
