// The control plane, all of it: each line is one concern over the loader, the bus and the log.

import { coreProblem } from '../http/answers/problems.ts'
import type { Mounted } from '../http/app.ts'
import { describeRouter, type DocumentPart } from '../http/document/openapi.ts'
import { READ_EVENTS, WRITE_EVENTS } from '../http/door/external-caller.ts'
import { Mount } from '../http/mount.ts'
import { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { backupRoutes } from './backups.ts'
import { coreOwner, unitOf, type CoreApi } from './core-api.ts'
import { docsRoutes } from './docs.ts'
import { eventRoutes } from './events.ts'
import { externalRoutes } from './external.ts'
import { healthRoutes } from './health.ts'
import { homeRoutes } from './home.ts'
import { logRoutes } from './logs.ts'
import { metricsRoutes } from './metrics.ts'
import { pageRoutes } from './pages.ts'
import { pluginConfigRoutes } from './plugin-config.ts'
import { pluginDataRoutes } from './plugin-data.ts'
import { pluginRoutes } from './plugins.ts'
import { restoreRoutes } from './restore.ts'
import { serviceRoutes } from './services.ts'

export function mountCore(api: CoreApi): Mounted {
  const log = api.log.of(null)
  const router = new DeclaringRouter({ logFor: (info) => log.with({ requestId: info.id }) })
  healthRoutes(router, api)
  docsRoutes(router, api)
  metricsRoutes(router, api)
  pluginRoutes(router, api)
  pluginDataRoutes(router, api)
  pluginConfigRoutes(router, api)
  serviceRoutes(router, api)
  externalRoutes(router, api)
  eventRoutes(router, api)
  logRoutes(router, api)
  homeRoutes(router, api)
  backupRoutes(router, api)
  restoreRoutes(router, api)
  pageRoutes(router, api)
  absentPlugins(router, api)
  const mount = new Mount('', router, coreOwner(log))
  let document: DocumentPart | undefined
  return {
    mount,
    /** Described when the document is first asked for: a start need not wait for it. */
    get document() {
      return (document ??= describeRouter(router, {
        id: 'core',
        description: 'The Core: plugins, events, logs.',
        prefix: '',
        scopes: { [READ_EVENTS]: 'Hear the events', [WRITE_EVENTS]: 'Publish events' },
        accessAt: (method, path) => mount.accessAt(method, path),
      }))
    },
  }
}

/** What is left under a plugin's prefix: a plugin that does not serve now, or one without such a route. */
function absentPlugins(router: DeclaringRouter, { loader }: CoreApi): void {
  router.all('/api/plugins/:id/*', (c) => {
    const { id } = c.req.param()
    const unit = unitOf(loader, id)
    if (unit.serving !== null) throw coreProblem('not_found', `The plugin "${id}" has no routes.`)
    const waits = loader.view(id)!.waitingFor.map(({ message }) => ` ${message}`)
    throw coreProblem('plugin_unavailable', `The plugin "${id}" is ${unit.state}.${waits.join('')}`)
  })
}
