// Answers for the Core until it is asked for more than how the house is: the control plane is loaded for whoever asks first.

import { coreProblem, problemResponse } from '../http/answers/problems.ts'
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
  #loading: Promise<void> | undefined

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
      () => finish(problemResponse(coreProblem('internal_error'), { requestId: info.id })),
    )
  }

  #loaded(): Promise<void> {
    this.#loading ??= this.#load()
    return this.#loading
  }

  /** From then on it is the control plane that answers. */
  async #load(): Promise<void> {
    try {
      const { mountCore } = await import('./core-routes.ts')
      this.#api.app.setCore(mountCore(this.#api))
    } catch (error) {
      this.#loading = undefined
      this.#log.error(`The control plane cannot be loaded: ${messageOf(error)}`, { error })
      throw error
    }
  }
}
