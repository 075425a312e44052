// Settings files: what is read, what is refused with its line, and edits that leave everything else as it was.

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { editDocument, MAX_LENGTH, readDocument } from '../../core/settings/document.ts'
import type { Json, JsonObject } from '../../core/settings/json.ts'

const FILE = `// The lamp in the hall.
{
  "token": "abc", // from the bridge
  /* seconds */
  "poll": 30,
  "rooms": {
    // the big one
    "hall": true
  }
}
`

test('an edit changes what changes, and keeps every comment and every line besides', () => {
  expect(editDocument(FILE, { token: 'abc', poll: 5, rooms: { hall: true, attic: false }, name: 'x' })).toBe(
    `// The lamp in the hall.
{
  "token": "abc", // from the bridge
  /* seconds */
  "poll": 5,
  "rooms": {
    // the big one
    "hall": true,
    "attic": false
  },
  "name": "x"
}
`,
  )
  expect(editDocument(FILE, { token: 'abc', rooms: {} })).toBe(`// The lamp in the hall.
{
  "token": "abc", // from the bridge
  /* seconds */
  "rooms": {
    // the big one
  }
}
`)
  expect(editDocument(FILE, { token: 'abc' })).toBe(`// The lamp in the hall.
{
  "token": "abc" // from the bridge
  /* seconds */
}
`)
  expect(editDocument(FILE, readDocument(FILE).values)).toBe(FILE)
})

test.each([
  ['{}', { a: 1 }, '{\n  "a": 1\n}'],
  ['{"a": 1}', { a: 1, b: 2 }, '{"a": 1, "b": 2}'],
  ['{"a": 1, "b": 2}', { b: 2 }, '{ "b": 2}'],
  ['{"a": 1, "b": 2}', { a: 1 }, '{"a": 1 }'],
  ['{\n\t"a": 1,\n}', { a: 1, b: 2 }, '{\n\t"a": 1,\n\t"b": 2\n}'],
  ['{\r\n  "a": 1\r\n}\r\n', { a: 1, b: 2 }, '{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n'],
  ['{"a": {"$secret": "x"}}', { a: { $secret: 'y' } }, '{"a": {"$secret": "y"}}'],
  ['{ // nothing yet\n}', { a: [1, 2] }, '{ // nothing yet\n  "a": [1,2]\n}'],
])('%j becomes %j', (text, values, edited) => {
  expect(editDocument(text, values)).toBe(edited)
})

test.each([
  ['', 1, 'value expected'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 'comma expected'],
  ['{\n  "a": \n', 3, 'expected'],
  ['[1]', 1, 'no object'],
  ['{\n  "a": 1,\n  "a": 2\n}', 3, '"a" stands in it twice'],
  ['{\n  "a": {\n    "__proto__": {}\n  }\n}', 3, 'no name for a setting'],
  [`{"a":\n${'['.repeat(100_000)}`, 2, 'nested deeper'],
  ['x'.repeat(MAX_LENGTH + 1), 1, 'longer than'],
])('what is no settings file is refused with its line: %#', (text, line, message) => {
  expect(() => readDocument(text)).toThrow(message)
  try {
    readDocument(text)
  } catch (error) {
    expect((error as { line: number }).line).toBe(line)
  }
})

test('the line of a value is that of what stands there, or of what is nearest', () => {
  const { lineOf } = readDocument(FILE)
  expect([[], ['token'], ['poll'], ['rooms', 'hall'], ['rooms', 'attic'], ['nothing']].map(lineOf)).toEqual([
    2, 3, 5, 8, 6, 2,
  ])
})

const key = fc.constantFrom('a', 'b', 'c', 'tokenFile', 'constructor', 'toString', 'x y', '"', '\\', 'ü')
const { object } = fc.letrec<{ object: JsonObject; value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Json>(null, true, false, 0, -1.5, '', 'a//b', '/* no */', '\n', [], [1, 'x']),
    tie('object'),
    fc.array(tie('value'), { maxLength: 2 }),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}))

/** A way to write a file: the gaps that come one after the other, from a pool. */
const gaps = fc.array(
  fc.constantFrom('', ' ', '\n', '\n  ', '\t', '\r\n', ' // # \n', '/* # */', '\n  // #\n  ', '/* #\n */ '),
  { minLength: 1, maxLength: 12 },
)

interface Written {
  text: string
  /** With the path of the object in which each stands. */
  comments: { text: string; path: string[] }[]
}

function write(values: JsonObject, pool: readonly string[], trailing: boolean): Written {
  let turn = 0
  const comments: Written['comments'] = []
  const gap = (path: string[]) =>
    pool[turn++ % pool.length]!.replace('#', () => {
      const text = `<${comments.length}>`
      comments.push({ text, path })
      return text
    })
  const plain = (value: Json, path: string[]): string => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value)
    const members = Object.entries(value).map(
      ([name, under]) => `${gap(path)}${JSON.stringify(name)}: ${plain(under, [...path, name])}${gap(path)}`,
    )
    const end = trailing && members.length > 0 ? `,${gap(path)}` : gap(path)
    return `{${members.join(',')}${end}}`
  }
  return { text: gap([]) + plain(values, []) + gap([]), comments }
}

test('whatever is edited, the text means what was asked for, and no comment of what stays is lost', () => {
  fc.assert(
    fc.property(object, object, gaps, fc.boolean(), (before, after, pool, trailing) => {
      const { text, comments } = write(before, pool, trailing)
      expect(readDocument(text).values).toEqual(before)
      const edited = editDocument(text, after)
      expect(readDocument(edited).values).toEqual(after)
      const stays = (path: string[]) => {
        let at: Json | undefined = after
        for (const name of path)
          at =
            typeof at === 'object' && at !== null && Object.hasOwn(at, name)
              ? (at as JsonObject)[name]
              : undefined
        return typeof at === 'object' && at !== null && !Array.isArray(at)
      }
      for (const comment of comments) if (stays(comment.path)) expect(edited).toContain(comment.text)
      expect(editDocument(edited, after)).toBe(edited)
    }),
    { numRuns: 3_000 },
  )
})
