// The client manager as a process that someone else runs: the Core comes and goes, and what happened meanwhile is told afterwards.

import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { CoreProcess } from '../faults/core-process.ts'
import { freePort } from '../processes.ts'
import { until } from '../until.ts'
import { AgentProcess, CREDENTIAL, filesOf, ServiceProcess } from './kit.ts'

const ROOT = join(import.meta.dir, '../..')
const HERE = '/api/plugins/client-manager'

test('the Core is killed while a command runs elsewhere: nothing of it is lost, and the house hears of its end', async () => {
  const port = freePort()
  await using service = await ServiceProcess.start({ HOME_CONSOLE_URL: `http://127.0.0.1:${port}` })
  await service.setFree()
  const environment = {
    PORT: String(port),
    EXTERNAL_DIR: join(ROOT, 'external'),
    EXTERNAL_CLIENT_MANAGER_SERVICE__URL: service.url,
    EXTERNAL_CLIENT_MANAGER_SERVICE__CREDENTIAL: CREDENTIAL,
  }
  const plugins = filesOf(join(ROOT, 'plugins/client-manager'), 'client-manager')
  await using core = await CoreProcess.start(plugins, environment)
  const changed = await core.request('/api/core/plugins/client-manager', {
    method: 'PATCH',
    body: JSON.stringify({ mode: 'microservice' }),
    headers: { 'Content-Type': 'application/json' },
  })
  expect(changed.status).toBe(200)

  // Straight to the service: it needs no Core to be there.
  await using agent = new AgentProcess(service.socketUrl, '--code', await service.code())
  const id = await agent.id()
  await service.connected(id)
  await until('the house to hear of it', async () =>
    (await core.events('client.connected')).some(({ subject }) => subject === id),
  )
  const gate = join(agent.folder, 'gate')
  const response = await core.request(`${HERE}/commands/${id}/async`, {
    method: 'POST',
    body: JSON.stringify({
      command: ['sh', '-c', `while [ ! -e ${gate} ]; do sleep 0.01; done; echo through`],
    }),
    headers: { 'Content-Type': 'application/json' },
  })
  expect(response.status).toBe(202)
  const { command_id } = (await response.json()) as { command_id: string }

  core.kill('SIGKILL')
  await core.exited
  await Bun.write(gate, '')
  expect(await service.ended(command_id)).toMatchObject({ status: 'succeeded', asked_by: 'admin' })
  await core.start(environment)

  const finished = await until(
    'the house to hear of its end',
    async () => (await core.events('command.finished')).find(({ subject }) => subject === command_id),
    20_000,
  )
  expect(finished.data).toMatchObject({ command: command_id, client: id, by: 'admin', status: 'succeeded' })
  const log = await until('it to be written down', async () => {
    const { commands } = (await (await core.request(`${HERE}/log`)).json()) as { commands: any[] }
    return commands.find((command) => command.id === command_id)
  })
  expect(log.stdout).toBe('through\n')
  // The agent never noticed.
  expect(agent.output.match(/Connected\./g)?.length).toBe(1)
}, 60_000)
