// Stands where a mount stood while nobody can answer for it: requests wait here, so many at most, for whoever comes next.

import { coreProblem, problemResponse } from './answers/problems.ts'
import type { Mount, Mounting } from './mount.ts'
import type { RequestInfo } from './request-info.ts'

const MOST_WAITING = 1_000

export class WaitingRoom implements Mounting {
  readonly prefix: string
  readonly owner: Mount['owner']
  readonly #before: Mount
  readonly #waiting: ((next: Mounting | undefined) => void)[] = []

  /** @param before knows which strangers may come in: the others need not wait to be turned away */
  constructor(before: Mount) {
    this.prefix = before.prefix
    this.owner = before.owner
    this.#before = before
  }

  handle<Result>(
    request: Request,
    info: RequestInfo,
    finish: (response: Response) => Result,
  ): Result | Promise<Result> {
    const refused = info.caller.kind === 'anonymous' ? this.#before.refuse(info) : null
    if (refused !== null) return finish(refused)
    if (this.#waiting.length >= MOST_WAITING)
      return finish(unavailable(info, 'Too many wait for it already.'))
    return new Promise<Result>((resolve) => {
      this.#waiting.push((next) =>
        resolve(
          next?.handle(request, info, finish) ?? finish(unavailable(info, 'No version of it came up.')),
        ),
      )
    })
  }

  /** Everybody goes on, in the order in which they came: to whoever answers by now, or away. */
  open(next: Mounting | undefined): void {
    for (const goOn of this.#waiting.splice(0)) goOn(next)
  }
}

function unavailable(info: RequestInfo, why: string): Response {
  return problemResponse(coreProblem('plugin_unavailable', `The plugin is being swapped. ${why}`), {
    requestId: info.id,
    headers: { 'Retry-After': '1' },
  })
}
