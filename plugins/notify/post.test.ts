import { expect, test } from 'bun:test'
import { headerText } from './post.ts'

const decoded = (header: string) =>
  header
    .split(' ')
    .map((word) => Buffer.from(/^=\?UTF-8\?B\?(.*)\?=$/.exec(word)![1]!, 'base64').toString())
    .join('')

test('plain text is its own header', () => {
  expect(headerText('Disk / is 91 % full: what = now?')).toBe('Disk / is 91 % full: what = now?')
})

test('what a header cannot hold is encoded, and is the same text again at the other end', () => {
  const texts = [
    'Küche',
    '湿度が高い',
    'two\r\nX-Lines: 1',
    '=?UTF-8?B?aGE=?=',
    'tab\there',
    '🏠'.repeat(40),
    'é'.repeat(200),
  ]
  for (const text of texts) {
    const header = headerText(text)
    expect(header).toMatch(/^[\x20-\x7e]+$/)
    for (const word of header.split(' ')) expect(word.length).toBeLessThanOrEqual(75)
    expect(decoded(header)).toBe(text)
  }
})
