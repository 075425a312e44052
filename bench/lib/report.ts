// How figures are told: lines for a terminal, all of them in a table of their own, and a line for each benchmark in the README.

import { cpus, totalmem } from 'node:os'
import type { Benchmark, Figure } from '../benchmark.ts'

export interface Outcome {
  readonly benchmark: Benchmark
  readonly figures: readonly Figure[]
}

export function machine(): string {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GB`
  return `${cpu?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, ${memory}, ${process.platform} ${process.arch}, Bun ${Bun.version}`
}

export function linesOf({ what, value, beside, bound, holds }: Figure): string {
  const mark = holds === undefined ? ' ' : holds ? '✓' : '✗'
  const promise = bound === undefined ? '' : `  (${bound})`
  const rival = beside === undefined ? '' : `\n      ${beside}`
  return `  ${mark} ${what}: ${value}${promise}${rival}`
}

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/**
 * Puts a line for each benchmark between the two marks, and every promise that does not hold.
 *
 * @throws Error when the text has no marks
 */
export function withSummary(text: string, outcomes: readonly Outcome[]): string {
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin === -1 || end < begin)
    throw new Error(`README.md has no ${BEGIN} … ${END} to put the table between.`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${summaryOf(outcomes)}\n\n${text.slice(end)}`
}

function summaryOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ benchmark, figures }) => {
    const promised = figures.filter(({ holds }) => holds !== undefined)
    const [first] = [...promised, ...figures]
    const kept = promised.filter(({ holds }) => holds).length
    const share = kept === promised.length ? `all ${kept}` : `**${kept} of ${promised.length}**`
    return [
      `\`${benchmark.name}\``,
      first!.what,
      first!.value,
      first!.beside ?? '',
      first!.bound ?? '',
      share,
    ]
  })
  const broken = outcomes.flatMap(({ benchmark, figures }) =>
    figures
      .filter(({ holds }) => holds === false)
      .map(({ what, value, bound }) => `- \`${benchmark.name}\`: ${what}, ${value} (${bound ?? 'measured'})`),
  )
  return [
    tableOf(['', 'first of its figures', 'here', 'beside it, in the same run', 'bound', 'bounds held'], rows),
    '',
    ...(broken.length === 0 ? [] : ['What did not hold in that run:', '', ...broken, '']),
    measuredWhere(),
  ].join('\n')
}

/** Every figure, as a page of its own. */
export function pageOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(({ benchmark, figures }) =>
    figures.map(({ what, value, beside, bound, holds }, index) => [
      index === 0 ? `\`${benchmark.name}\`` : '',
      what,
      value,
      beside ?? '',
      bound ?? '',
      holds === undefined ? '' : holds ? 'yes' : '**no**',
    ]),
  )
  return [
    '# Every figure',
    '',
    'What is measured, how, and why that is fair stands at the head of each file under `bench/`.',
    '',
    tableOf(['', 'measured', 'here', 'beside it, in the same run', 'bound', 'holds'], rows),
    '',
    measuredWhere(),
    '',
  ].join('\n')
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function measuredWhere(): string {
  return `Measured by \`bun run bench\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}.`
}
