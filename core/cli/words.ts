// The Core's answers in words, for people. Whatever comes from outside is made harmless here.

import { bold, dim, green, harmless, oneLine, red, yellow } from './output.ts'
import type { Changes, CloudEvent, Difference, Fault, LogLine, Plugin, Problem, Reload } from './shapes.ts'

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

function outcomeOf({ plugin, outcome, generation, restored, dryRun, error }: Reload): string {
  const name = bold(oneLine(plugin))
  if (dryRun && !error) return `${name} ${green('would be committed')}; it was only tried`
  const back = restored && outcome === 'committed' ? ', a version from before' : ''
  return `${name} ${inColour(outcome)}, generation ${generation}${back}`
}

function detailsOf({ error, changes, leaks = [] }: Reload): string {
  const leaked = leaks.map(({ kind, label }) => yellow(`leaked a ${oneLine(kind)}: ${oneLine(label)}`))
  return [
    ...(error ? [faultInWords(error)] : []),
    ...(changes && !error ? changesInWords(changes) : []),
    ...leaked,
  ].join('\n')
}

function changesInWords({ routes, events, services, scopes }: Changes): string[] {
  return [
    ...linesOf('route', routes, ({ method, path }) => `${method} ${path}`),
    ...linesOf('event', events, String),
    ...linesOf('service', services, ({ name, methods }) => [name, methods.join(', ')].join(' ').trimEnd()),
    ...linesOf('scope', scopes, String),
  ]
}

function linesOf<Of>(kind: string, { added, removed }: Difference<Of>, say: (one: Of) => string): string[] {
  return [
    ...removed.map((one) => red(oneLine(`- ${kind} ${say(one)}`))),
    ...added.map((one) => green(oneLine(`+ ${kind} ${say(one)}`))),
  ]
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
  // Below the first line may stand source, which goes on looking like it.
  const [first = '', ...below] = harmless(message).split('\n')
  return [
    `${dim(oneLine(time))} ${colour(oneLine(level).padEnd(5))} ${owner} ${first}${more}`,
    ...below,
  ].join('\n')
}

/** Why a plugin is not simply active, on one line. */
export function plightOf({ id, state, error, pinned, waitingFor = [], status = [] }: Plugin): string {
  if (pinned && state === 'active')
    return oneLine(`pinned to a version from before since ${pinned.since}; hc plugin reload ${id} ends that`)
  if (error) {
    const { message, file, line } = error
    // Some messages begin with the place themselves.
    const place = file && !message.includes(file) ? ` (${file}${line ? `:${line}` : ''})` : ''
    return oneLine(`${state === 'active' ? 'kept its old version: ' : ''}${message}${place}`)
  }
  // Of a service, the file that is missing or refused is what helps.
  const needs = waitingFor.map(({ kind, name, message = '' }) => {
    const why = kind === 'external' ? message.slice(message.indexOf('. ') + 1) : ''
    return `${kind} ${name}${why === '' ? '' : `:${why}`}`
  })
  if (needs.length > 0) {
    const isSettable = waitingFor.some(({ kind }) => kind === 'config')
    return oneLine(`for ${needs.join(', ')}${isSettable ? `; hc plugin config ${id} sets it` : ''}`)
  }
  const ailing = status.filter((one) => one.state !== 'ok')
  return oneLine(
    ailing.map((one) => [`${one.label} ${one.state}`, one.message].filter(Boolean).join(': ')).join('; '),
  )
}

const GOOD = new Set(['ok', 'active', 'committed'])
const BAD = new Set(['failed', 'down', 'given_up', 'refused', 'kept_old'])

/** A state or an outcome. */
export function inColour(state: string): string {
  const colour = GOOD.has(state) ? green : BAD.has(state) ? red : yellow
  return colour(oneLine(state.replace('_', ' ')))
}
