// A plugin of ten files that needs no package: the Core and its rivals load the very same text.

import type { Files } from '../lib/workspace.ts'

const HELPERS = 9
/** The helper that is saved: three imports away from the entry. */
export const SAVED = 'helper-9.ts'

const entry = `
import { version } from './helper-1.ts'
${Array.from({ length: HELPERS - 3 }, (_, index) => `import { format as format${index + 2} } from './helper-${index + 2}.ts'`).join('\n')}

const formats = [${Array.from({ length: HELPERS - 3 }, (_, index) => `format${index + 2}`).join(', ')}]

export default {
  onLoad(ctx) {
    const router = ctx.router({ security: [] })
    router.get('/version', (c) => c.text(version()))
    router.get('/formats/:value', (c) => c.json(formats.map((format) => format(Number(c.req.param('value'))))))
    return router
  },
}
`

/** Some 40 lines of what helpers are made of. */
function helper(number: number): string {
  return `
export interface Reading${number} {
  readonly name: string
  readonly value: number
  readonly unit: 'W' | 'V' | 'A'
}

const units: Record<Reading${number}['unit'], string> = { W: 'watts', V: 'volts', A: 'amperes' }

export class Series${number} {
  readonly #values: number[] = []
  readonly limit: number

  constructor(limit = ${number * 10}) {
    this.limit = limit
  }

  add(value: number): this {
    this.#values.push(value)
    if (this.#values.length > this.limit) this.#values.shift()
    return this
  }

  get mean(): number {
    return this.#values.reduce((sum, value) => sum + value, 0) / Math.max(1, this.#values.length)
  }
}

export function format(value: number): string {
  const series = new Series${number}()
  for (let step = 0; step < ${number}; step++) series.add(value * step)
  return describe({ name: 'reading ${number}', value: series.mean, unit: 'W' })
}

function describe({ name, value, unit }: Reading${number}): string {
  return \`\${name}: \${value.toFixed(1)} \${units[unit]}\`
}
`
}

/** The text of the helper that is saved, in a version of its own. */
export const savedHelper = (version: number) =>
  `${helper(HELPERS)}\nexport const version = (): string => '${version}'\n`

export function tenFiles(): Files {
  const files: Record<string, string> = { 'index.ts': entry }
  for (let number = 1; number < HELPERS; number++) files[`helper-${number}.ts`] = helper(number)
  // The way to the saved one: the entry, helper 1, helper 8, helper 9.
  files['helper-1.ts'] += `\nexport { version } from './helper-8.ts'\n`
  files['helper-8.ts'] += `\nexport { version } from './${SAVED}'\n`
  files[SAVED] = savedHelper(0)
  return files
}
