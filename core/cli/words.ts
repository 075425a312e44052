// The Core's answers in words, for people. Whatever comes from outside is made harmless here.

import { bold, dim, green, harmless, oneLine, red, yellow } from './output.ts'
import type { CloudEvent, Fault, LogLine, Plugin, Problem, Reload } from './shapes.ts'

export function problemInWords(status: number, problem: Problem): string {
  const { title = 'Refused', detail = title, code, errors = [], reload } = problem
  const source = dim(`(${oneLine(code === undefined ? `${status}` : `${code}, ${status}`)})`)
  if (reload) return `${outcomeOf(reload)} ${source}\n${detailsOf(reload)}`
  return [
    `${oneLine(detail)} ${source}`,
    ...errors.map((error) => `  ${oneLine(error.pointer || '/')}: ${oneLine(error.detail ?? '')}`),
    ...(status === 401 ? [dim('HC_TOKEN says who asks, or the admin-token in the Core’s DATA_DIR')] : []),
  ].join('\n')
}

export function reloadInWords(reload: Reload): string {
  const times = Object.entries(reload.phases ?? {}).map(([phase, ms]) => `${phase} ${Math.round(ms)}`)
  return [`${outcomeOf(reload)} ${dim(oneLine(`(${times.join(', ')} ms)`))}`, detailsOf(reload)]
    .join('\n')
    .trimEnd()
}

function outcomeOf({ plugin, outcome, generation }: Reload): string {
  return `${bold(oneLine(plugin))} ${inColour(outcome)}, generation ${generation}`
}

function detailsOf({ error, leaks = [] }: Reload): string {
  const leaked = leaks.map(({ kind, label }) => yellow(`leaked a ${oneLine(kind)}: ${oneLine(label)}`))
  return [...(error ? [faultInWords(error)] : []), ...leaked].join('\n')
}

function faultInWords({ code, message, file, line, frame }: Fault): string {
  return [
    `${red(harmless(message).trimEnd())}${code === undefined ? '' : dim(` (${oneLine(code)})`)}`,
    ...(file ? [oneLine(line ? `${file}:${line}` : file)] : []),
    ...(frame ? [harmless(frame).trimEnd()] : []),
  ].join('\n')
}

export function eventInWords({ time, type, source, subject, data }: CloudEvent): string {
  const about = subject === undefined ? source : `${source} ${subject}`
  return `${dim(oneLine(time ?? ''))} ${bold(oneLine(type))} ${dim(oneLine(about))} ${oneLine(JSON.stringify(data) ?? '')}`
}

export function logLineInWords({ time, level, plugin, message, fields = {} }: LogLine): string {
  const colour = { error: red, warn: yellow, debug: dim }[level] ?? ((text: string) => text)
  const more = Object.keys(fields).length === 0 ? '' : ` ${dim(oneLine(JSON.stringify(fields)))}`
  const owner = bold(oneLine(plugin ?? 'core'))
  return `${dim(oneLine(time))} ${colour(oneLine(level).padEnd(5))} ${owner} ${harmless(message)}${more}`
}

/** Why a plugin is not simply active, on one line. */
export function plightOf({ state, error, waitingFor = [], status = [] }: Plugin): string {
  if (error) return oneLine(state === 'active' ? `kept its old version: ${error.message}` : error.message)
  const needs = waitingFor.map(({ kind, name }) => `${kind} ${name}`)
  if (needs.length > 0) return oneLine(`for ${needs.join(', ')}`)
  const ailing = status.filter((one) => one.state !== 'ok')
  return oneLine(
    ailing.map((one) => [`${one.label} ${one.state}`, one.message].filter(Boolean).join(': ')).join('; '),
  )
}

const GOOD = new Set(['ok', 'active', 'committed'])
const BAD = new Set(['failed', 'down', 'kept_old'])

/** A state or an outcome. */
export function inColour(state: string): string {
  const colour = GOOD.has(state) ? green : BAD.has(state) ? red : yellow
  return colour(oneLine(state.replace('_', ' ')))
}
