// Keeps a plugin's mistake from ending the process, by whichever name it reaches for it.

import { PluginError } from '../fault.ts'
import { insidePlugin } from './border.ts'

const NO_EXIT =
  'the Core owns the process. To refuse to load, throw from onLoad; to end work, abort what you started.'
const NO_CHDIR = "the working folder is the whole house's. Use absolute paths."
const NO_REMOVAL = 'the listeners of others are none of its business.'

const FORBIDDEN = {
  exit: NO_EXIT,
  reallyExit: NO_EXIT,
  abort: NO_EXIT,
  chdir: NO_CHDIR,
  removeAllListeners: NO_REMOVAL,
} as const

let installed = false

/**
 * From now on these functions of `process` throw when a plugin's code calls them. They are replaced on the object itself:
 * `globalThis.process`, `node:process` and `require` all lead to it.
 */
export function guardProcess(): void {
  if (installed) return
  installed = true
  const shared = process as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const [name, instead] of Object.entries(FORBIDDEN)) {
    const original = shared[name]!
    shared[name] = (...args) => {
      if (insidePlugin()) throw notAllowed(`process.${name}`, instead)
      return original.apply(process, args)
    }
  }
  const kill = process.kill.bind(process)
  process.kill = (pid, signal) => {
    // 0 and -1 stand for the whole group, and for everybody: what a lost `child.pid ?? 0` would mean.
    if (insidePlugin() && (pid === process.pid || pid === 0 || pid === -1) && signal !== 0) {
      throw notAllowed(pid === process.pid ? 'process.kill of the Core' : `process.kill(${pid})`, NO_EXIT)
    }
    return kill(pid, signal)
  }
}

function notAllowed(what: string, instead: string): PluginError {
  return new PluginError('not_allowed', `${what} does not work in a plugin: ${instead}`)
}
