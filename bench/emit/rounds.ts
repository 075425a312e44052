// Emits through something, with many patterns subscribed and with few, in alternating rounds.

export interface Subject {
  readonly subscribe: (pattern: string, handler: () => void) => () => void
  readonly emit: (type: string, data: unknown) => void
}

/** Emits a second, of each round. */
export interface Emits {
  /** With the ten patterns that match alone. */
  readonly few: number[]
  /** With 990 more that do not. */
  readonly many: number[]
}

const ROUNDS = 12
const EMITS = 40_000
const TYPE = 'bench.lamp.switched'
const MATCHING = [
  TYPE,
  TYPE,
  TYPE,
  'bench.*.switched',
  'bench.lamp.*',
  '*.lamp.switched',
  '*.*.*',
  'bench.**',
  'bench.lamp.**',
  '**',
]

export function rounds({ subscribe, emit }: Subject): Emits {
  let heard = 0
  const count = () => void heard++
  const listen = (patterns: readonly string[]) => {
    const undo = patterns.map((pattern) => subscribe(pattern, count))
    return () => undo.forEach((take) => take())
  }
  const run = (patterns: readonly string[]): number => {
    const silence = listen(patterns)
    heard = 0
    const started = Bun.nanoseconds()
    for (let value = 0; value < EMITS; value++) emit(TYPE, { value, on: true })
    const seconds = (Bun.nanoseconds() - started) / 1e9
    silence()
    if (heard !== EMITS * MATCHING.length)
      throw new Error(`${heard} deliveries instead of ${EMITS * MATCHING.length}.`)
    return EMITS / seconds
  }
  const others = Array.from({ length: 990 }, (_, index) => OTHERS[index % OTHERS.length]!(index))
  const emits: Emits = { few: [], many: [] }
  run(MATCHING)
  for (let round = 0; round < ROUNDS; round++) {
    emits.few.push(run(MATCHING))
    emits.many.push(run([...others, ...MATCHING]))
  }
  return emits
}

/** Patterns of every kind that do not match: some differ in the last word only. */
const OTHERS: readonly ((index: number) => string)[] = [
  (index) => `bench.lamp.switched-${index}`,
  (index) => `bench.lamp-${index}.switched`,
  (index) => `house-${index}.**`,
  (index) => `*.lamp-${index}.*`,
  (index) => `bench.lamp.switched.${index}`,
  (index) => `bench.*.*.room-${index}.**`,
]
