// Reads an SQL script as far as it must be understood before it is run: where statements end, and which words they have.

export interface SqlStatement {
  /** With names in backticks: of a name in double quotes that is no column SQLite makes a text, without a word. */
  readonly text: string
  /** Words, quoted names without their quotes, and single signs; no comments. Words are as they are written. */
  readonly tokens: readonly string[]
}

/** https://sqlite.org/lang_keywords.html has what may quote a name, https://sqlite.org/lang_comment.html the comments. */
const TOKEN =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$\u0080-\uffff]+|[^\s]/g

export function statementsOf(script: string): SqlStatement[] {
  const statements: SqlStatement[] = []
  let tokens: string[] = []
  let text = ''
  let start = 0
  let depth = 0
  const finish = (end: number) => {
    text += script.slice(start, end)
    if (tokens.length > 0) statements.push({ text: text.trim(), tokens })
    text = ''
    tokens = []
    start = end
    depth = 0
  }
  for (const { 0: found, index } of script.matchAll(TOKEN)) {
    if (found.startsWith('--') || found.startsWith('/*')) continue
    if (found === ';' && depth === 0) {
      finish(index + 1)
      continue
    }
    tokens.push(unquoted(found))
    if (found.startsWith('"') && found.length > 1) {
      text += `${script.slice(start, index)}\`${unquoted(found).replaceAll('`', '``')}\``
      start = index + found.length
    }
    // The statements of a trigger end with semicolons of their own.
    if (!isTrigger(tokens)) continue
    if (/^(begin|case)$/i.test(found)) depth++
    else if (/^end$/i.test(found)) depth = Math.max(0, depth - 1)
  }
  finish(script.length)
  return statements
}

function isTrigger([first = '', second = '', third = '']: readonly string[]): boolean {
  const words = `${first} ${second} ${third}`.toUpperCase()
  return /^CREATE (TEMP |TEMPORARY )?TRIGGER\b/.test(words)
}

function unquoted(token: string): string {
  const quote = token[0]!
  if (token.length < 2) return token
  if (quote === '[') return token.slice(1, -1)
  if (quote === '"' || quote === '`') return token.slice(1, -1).replaceAll(quote + quote, quote)
  return token
}
