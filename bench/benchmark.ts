// What a benchmark is, and the words in which it says what it found.

export interface Figure {
  /** What was measured: `save → first new answer, median`. */
  readonly what: string
  /** With its unit. */
  readonly value: string
  /** What the figure is held against, from the same run; with its name. */
  readonly beside?: string
  /** What the figure has to keep to, where something was promised. */
  readonly bound?: string
  /** Whether it does. */
  readonly holds?: boolean
}

export interface Benchmark {
  readonly name: string
  /** One line, for people. */
  readonly title: string
  /** How long it may take, in ms, where that is more than some minutes. */
  readonly patienceMs?: number
  run(): Promise<Figure[]>
}

/** A figure in a unit, with as many digits as carry meaning. */
export function amount(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  const text = value.toLocaleString('en', { maximumFractionDigits: Number.isInteger(value) ? 0 : digits })
  return unit === '' ? text : `${text} ${unit}`
}

/** A figure that must not be above a bound. */
export function atMost(what: string, value: number, bound: number, unit: string, beside?: string): Figure {
  return {
    what,
    value: amount(value, unit),
    ...(beside !== undefined && { beside }),
    bound: `≤ ${amount(bound, unit)}`,
    holds: value <= bound,
  }
}

/** A figure that must not be below a bound. */
export function atLeast(what: string, value: number, bound: number, unit: string, beside?: string): Figure {
  return {
    what,
    value: amount(value, unit),
    ...(beside !== undefined && { beside }),
    bound: `≥ ${amount(bound, unit)}`,
    holds: value >= bound,
  }
}
