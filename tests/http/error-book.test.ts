// The error book, the code and the document name the same errors, in both directions.

import { expect, test } from 'bun:test'
import { Glob } from 'bun'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_BOOK } from '../../core/http/answers/error-book.ts'
import { houseOf } from './kit.ts'

const root = join(import.meta.dir, '../..')
const book = Object.keys(ERROR_BOOK)

/** The Core's sources, without the book itself and what speaks to it from outside. */
const sources = [...new Glob('core/**/*.ts').scanSync(root)]
  .filter((file) => file !== 'core/http/answers/error-book.ts' && !/core\/(cli|sdk)\//.test(file))
  .map((file) => readFileSync(join(root, file), 'utf8'))

test('every code of the book is used somewhere in the Core', () => {
  const unused = book.filter((code) => !sources.some((text) => text.includes(`'${code}'`)))
  expect(unused).toEqual([])
})

test('every code that the Core says stands in the book, under the same status', () => {
  for (const text of sources) {
    for (const [, code] of text.matchAll(/coreProblem\(\s*'([a-z_]+)'/g)) expect(book).toContain(code!)
    for (const [, status, code] of text.matchAll(/new Problem\(\s*(\d{3}),\s*'([a-z_]+)'/g)) {
      expect(`${code} ${ERROR_BOOK[code as keyof typeof ERROR_BOOK]?.[0]}`).toBe(`${code} ${status}`)
    }
  }
})

test('the book is in the order of its statuses, and each says what it means', () => {
  const entries = Object.entries(ERROR_BOOK)
  const statuses = entries.map(([, [status]]) => status)
  expect(statuses).toEqual(statuses.toSorted((one, other) => one - other))
  for (const [code, [, meaning]] of entries)
    expect([code, meaning]).toEqual([code, expect.stringMatching(/^[A-Z].*\.$/)])
})

test('the document names every code of the book', async () => {
  await using house = await houseOf({})
  const document = (await (await house.request('/openapi.json')).json()) as any
  const { description } = document.components.schemas['core.Problem'].properties.code
  for (const code of book) expect(description).toContain(code)
})
