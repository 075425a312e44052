// A minute's samples as one text, in which each name stands once: so it fits into one page of the database.

import type { Sample } from './contract.ts'

export function pack(samples: readonly Sample[]): string {
  const names = Object.keys(samples[0] ?? {}) as (keyof Sample)[]
  return JSON.stringify(
    Object.fromEntries(names.map((name) => [name, samples.map((sample) => sample[name])])),
  )
}

export function unpack(text: string): Sample[] {
  const columns = Object.entries(JSON.parse(text) as Record<keyof Sample, unknown[]>)
  const count = columns[0]?.[1].length ?? 0
  return Array.from(
    { length: count },
    (_, index) => Object.fromEntries(columns.map(([name, values]) => [name, values[index]])) as Sample,
  )
}
