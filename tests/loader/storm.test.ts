// Which saves are a storm, and which somebody waits for.

import { describe, expect, test } from 'bun:test'
import { Storm } from '../../core/loader/files/storm.ts'

/** What a storm says of saves that come so many ms after each other. */
function verdicts(everyMs: number, saves: number, isLoading: (save: number) => boolean): boolean[] {
  let save = 0
  const storm = new Storm(() => isLoading(save))
  return Array.from({ length: saves }, () => storm.note('/a.ts', ++save * everyMs))
}
const never = () => false
const always = () => true

describe('a file that is replaced', () => {
  test('every 5 ms, each time when the version before is loaded, is in none', () => {
    expect(verdicts(5, 1_000, never)).not.toContain(true)
  })

  test('every 2 ms is in one after ten of them', () => {
    expect(verdicts(2, 11, never)).toEqual([...Array(10).fill(false), true])
  })

  test('every 20 ms, each time before the version before is loaded, is in one after five of them', () => {
    expect(verdicts(20, 7, always)).toEqual([...Array(5).fill(false), true, true])
  })

  test('every 20 ms on a busy machine, where it is seen to overtake now and then only, is in one too', () => {
    expect(verdicts(20, 40, (save) => save % 4 === 0)).toContain(true)
  })

  test('every 400 ms by somebody who does not wait for slow loads is in none', () => {
    expect(verdicts(400, 100, always)).not.toContain(true)
  })
})

test('what happens to one file says nothing of another', () => {
  const storm = new Storm(always)
  for (let save = 0; save < 20; save++) storm.note('/a.ts', save)
  expect(storm.note('/b.ts', 20)).toBe(false)
})
