// The bus by itself, in a process of its own; prints `Emits` as JSON.

import { EventBus } from '../../core/bus/event-bus.ts'
import { rounds } from './rounds.ts'

const fail = (...reason: unknown[]) => {
  throw new Error(reason.join(' '))
}
const bus = new EventBus({ now: () => Date.now(), onDropped: fail, onSubscriberFailed: fail })

process.stdout.write(
  JSON.stringify(
    rounds({
      subscribe: (pattern, handler) => bus.subscribe(pattern, handler),
      emit: (type, data) => void bus.emit({ type, source: '/bench', data }),
    }),
  ),
)
