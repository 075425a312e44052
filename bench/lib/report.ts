// How figures are told: lines for a terminal, and a table for the README.

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
 * Puts the table between the two marks.
 *
 * @throws Error when the text has no marks
 */
export function withTable(text: string, outcomes: readonly Outcome[]): string {
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin === -1 || end < begin)
    throw new Error(`README.md has no ${BEGIN} … ${END} to put the table between.`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${tableOf(outcomes)}\n\n${text.slice(end)}`
}

function tableOf(outcomes: readonly Outcome[]): string {
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
  const head = ['', 'measured', 'here', 'beside it, in the same run', 'bound', 'holds']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return [
    ...lines,
    '',
    `Measured by \`bun run bench\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}.`,
  ].join('\n')
}
