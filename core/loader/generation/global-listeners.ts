// `addEventListener` as a plugin sees it. The global that it listens on is everybody's and outlives every version, so each
// listener is known, and is taken back where the version does not do so itself.

import type { Hold } from '@home-console/sdk'
import type { Belongings } from './belongings.ts'

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown }
type Options = boolean | AddEventListenerOptions | undefined

export interface GlobalListenersOptions {
  readonly belongings: Belongings
  /** Calls into the plugin, and charges what goes wrong to it. */
  readonly call: (work: Hold, run: () => unknown) => unknown
}

export function globalListeners({ belongings, call }: GlobalListenersOptions): Record<string, unknown> {
  /** By type and phase, and then by the plugin's own listener: how it is taken back. */
  const known = new Map<string, Map<Listener, () => void>>()
  const keyOf = (type: string, options: Options) =>
    `${typeof options === 'object' ? options.capture === true : options === true} ${type}`

  function addEventListener(type: string, listener: Listener | null, options?: Options): void {
    const key = keyOf(type, options)
    if (listener === null || known.get(key)?.has(listener)) return
    const { once, signal } = typeof options === 'object' ? options : {}
    if (signal?.aborted) return
    const work = { kind: 'listener', label: `global "${type}"` }
    const heard = (event: Event) => {
      if (once) takeBack()
      call(work, () =>
        typeof listener === 'function' ? listener.call(globalThis, event) : listener.handleEvent(event),
      )
    }
    const takeBack = () => {
      globalThis.removeEventListener(type, heard, options)
      known.get(key)?.delete(listener)
      belongings.remove(heard)
    }
    globalThis.addEventListener(type, heard, options)
    signal?.addEventListener('abort', takeBack, { once: true })
    known.set(key, (known.get(key) ?? new Map<Listener, () => void>()).set(listener, takeBack))
    belongings.add(heard, work, () => globalThis.removeEventListener(type, heard, options))
  }

  function removeEventListener(type: string, listener: Listener | null, options?: Options): void {
    if (listener !== null) known.get(keyOf(type, options))?.get(listener)?.()
  }

  return { addEventListener, removeEventListener }
}
