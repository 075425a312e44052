// Answers for the Core until it is asked for more than how the house is: the control plane is loaded for whoever asks first.

import { coreProblem, problemResponse } from '../http/answers/problems.ts'
import type { Mounted } from '../http/app.ts'
import { Mount, type Mounting } from '../http/mount.ts'
import type { RequestInfo } from '../http/request-info.ts'
import { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { messageOf } from '../loader/fault.ts'
import type { OwnedLog } from '../log/log.ts'
import { coreOwner, type CoreApi } from './core-api.ts'
import { HEALTH, healthRoutes } from './health.ts'

/** A house that nobody administers neither carries the schemas of its administration nor waits for them at its start. */
export class Front implements Mounting {
  readonly prefix = ''
  readonly owner
  readonly #api: CoreApi
  readonly #log: OwnedLog
  readonly #health: Mount
  #rest: Promise<Mounted> | undefined

  constructor(api: CoreApi) {
    this.#api = api
    this.#log = api.log.of(null)
    this.owner = coreOwner(this.#log)
    const router = new DeclaringRouter({ logFor: (info) => this.#log.with({ requestId: info.id }) })
    healthRoutes(router, api)
    this.#health = new Mount('', router, this.owner)
  }

  handle<Result>(
    request: Request,
    info: RequestInfo,
    finish: (response: Response) => Result,
  ): Result | Promise<Result> {
    if (info.path === HEALTH) return this.#health.handle(request, info, finish)
    return this.#loaded().then(
      // It may be a plugin's by now, which came up meanwhile.
      () => this.#api.app.mountFor(info.path).handle(request, info, finish),
      (error: unknown) => {
        this.#rest = undefined
        this.#log.error(`The control plane cannot be loaded: ${messageOf(error)}`, { error })
        return finish(problemResponse(coreProblem('internal_error'), { requestId: info.id }))
      },
    )
  }

  /** From then on it is the control plane that answers. */
  #loaded(): Promise<Mounted> {
    this.#rest ??= import('./core-routes.ts').then(({ mountCore }) => {
      const mounted = mountCore(this.#api)
      this.#api.app.setCore(mounted)
      return mounted
    })
    return this.#rest
  }
}
