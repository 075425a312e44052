// What the Core says of plugins, as conditions: what is wrong with one, and what is by that right again.

import type { CloudEvent, PluginEvent } from '@home-console/sdk'
import type { Condition } from './contract.ts'

export type Finding = Omit<Condition, 'since'>

const FAULT = 'plugin.fault.'
const LEAK = 'plugin.leak.'

/** Every condition of a plugin's begins so. */
export const OF_PLUGINS = 'plugin.'

/** What an event of the Core's shows to be wrong, or null. */
export function faultIn({ type, data: { plugin, reload } }: CloudEvent<PluginEvent>): Finding | null {
  const reason = reasonOf(reload)
  if (type === 'plugin.failed')
    return { name: FAULT + plugin, title: `${plugin} does not run`, message: reason, priority: 'high' }
  if (type === 'plugin.kept_old') {
    const title = `A new version of ${plugin} was refused`
    return { name: FAULT + plugin, title, message: `${reason} The one before goes on.`, priority: 'default' }
  }
  // What a plugin that is gone has left behind was ended with it.
  if (type !== 'plugin.leaked' || reload.outcome === 'unloaded') return null
  const left = reload.leaks.map(({ kind, label }) => `${kind} ${label}`).join(', ')
  const message = `It was ended by force: ${left}`.slice(0, 1_000)
  return {
    name: LEAK + plugin,
    title: `A version of ${plugin} left something behind`,
    message,
    priority: 'default',
  }
}

/** The conditions that an event of the Core's ends. */
export function endedBy({ type, data: { plugin } }: CloudEvent<PluginEvent>): string[] {
  return ['plugin.loaded', 'plugin.reloaded', 'plugin.unloaded'].includes(type)
    ? [FAULT + plugin, LEAK + plugin]
    : []
}

function reasonOf({ error }: PluginEvent['reload']): string {
  if (error === null) return 'It did not say why.'
  const { message, file, line } = error
  const where = file === undefined ? '' : ` (${file}${line === undefined ? '' : `:${line}`})`
  return `${message.slice(0, 1_000)}${where}`
}
