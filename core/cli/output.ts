// The one way to the terminal: what others wrote is made harmless, and colour is for people only.

const isTerminal = process.stdout.isTTY && process.stderr.isTTY && process.env.TERM !== 'dumb'
const isColoured = isTerminal && !process.env.NO_COLOR

/** Leaves out what citty coloured on its own when nobody wants colour. */
export function plain(text: string): string {
  return isColoured ? text : Bun.stripANSI(text)
}

const paint = (code: number) => (text: string) => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text)
export const bold = paint(1)
export const dim = paint(2)
export const red = paint(31)
export const green = paint(32)
export const yellow = paint(33)

/** Control characters, and those that turn the direction of writing: they could rewrite what stands on the screen. */
const HARMFUL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Shows harmful characters by their escape, as in JSON; lines and tabs stay. */
export function harmless(text: string): string {
  return text.replace(HARMFUL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The same for what must stay on its line. */
export function oneLine(text: string): string {
  return harmless(text.replace(/\s*\n\s*/g, ' '))
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** For what is no result: progress and complaints. */
export function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** A server's answer: its own JSON for programs, words for people. */
export function answer(json: boolean | undefined, body: string, words: () => string): void {
  print(json ? harmless(body) : words())
}

/** Columns as wide as they need to be. The cells may be painted; what they hold is one line each. */
export function table(head: string[], rows: string[][]): string {
  const lines = [head.map(dim), ...rows]
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => Bun.stringWidth(line[column] ?? ''))),
  )
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell + ' '.repeat(widths[at]! - Bun.stringWidth(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

// Whoever reads may stop reading: `hc event tail | head -1` is a good end, not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
