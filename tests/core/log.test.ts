// The log: levels for each owner, a bounded ring, no secrets, no forged lines.

import { expect, test } from 'bun:test'
import { Log, type LogLine } from '../../core/log/log.ts'
import { formatLine } from '../../core/log/output.ts'

function makeLog(level: 'debug' | 'info' | 'warn' | 'error' = 'info', keep?: number) {
  const written: LogLine[] = []
  const log = new Log({ level, write: (line) => written.push(line), ...(keep !== undefined && { keep }) })
  return { log, written }
}

test('a line below its owner’s level is not written, and the level of one owner is no other’s', () => {
  const { log, written } = makeLog('warn')
  log.setLevel('lamp', 'debug')
  log.of('lamp').debug('seen')
  log.of('sun').info('unseen')
  log.of(null).warn('seen too')
  log.setLevel('lamp', null)
  log.of('lamp').debug('unseen')
  expect(written.map(({ plugin, message }) => [plugin, message])).toEqual([
    ['lamp', 'seen'],
    [null, 'seen too'],
  ])
})

test('the ring keeps the last lines, and filters by owner and least level', () => {
  const { log } = makeLog('debug', 10)
  for (let i = 0; i < 100; i++)
    log.of(i % 2 === 0 ? 'lamp' : 'sun')[i % 4 < 2 ? 'info' : 'error'](`line ${i}`)
  const lines = log.lines()
  expect(lines.length).toBeLessThanOrEqual(20)
  expect(lines.at(-1)!.message).toBe('line 99')
  expect(
    log
      .lines({ plugin: 'lamp', level: 'error' })
      .every(({ plugin, level }) => plugin === 'lamp' && level === 'error'),
  ).toBe(true)
})

test('lines that are long are kept for less long: the ring has a size, too', () => {
  const { log } = makeLog('debug')
  for (let i = 0; i < 1_000; i++) log.of('lamp').info(`line ${i}`, { text: 'x'.repeat(15_000) })
  const lines = log.lines()
  expect(JSON.stringify(lines).length).toBeLessThan(5 * 1024 * 1024)
  expect(lines.length).toBeGreaterThan(100)
  expect(lines.at(-1)!.message).toBe('line 999')
})

test('a watcher gets what passes its filter, until it leaves', () => {
  const { log } = makeLog()
  const seen: string[] = []
  const leave = log.watch({ level: 'error' }, ({ message }) => seen.push(message))
  log.of(null).info('no')
  log.of(null).error('yes')
  leave()
  log.of(null).error('gone')
  expect(seen).toEqual(['yes'])
})

test('a masked secret shows nowhere: not in the message, not in fields, not in errors', () => {
  const { log, written } = makeLog()
  log.mask('s3cret-token')
  log
    .of('lamp')
    .info('with s3cret-token in it', { header: 'Bearer s3cret-token', error: new Error('bad s3cret-token') })
  expect(JSON.stringify(written)).not.toContain('s3cret-token')
  expect(written[0]!.message).toBe('with *** in it')
})

test('fields are copied as they are now, and what is no JSON does no harm', () => {
  const { log, written } = makeLog()
  const fields: Record<string, unknown> = { count: 1 }
  log.of(null).info('a', fields)
  fields['count'] = 2
  fields['self'] = fields
  log.of(null).info('b', fields)
  log.of(null).info('c', { big: 10n })
  log.of(null).info('d', { long: 'x'.repeat(100_000) })
  expect(written[0]!.fields).toEqual({ count: 1 })
  expect(written[1]!.fields).toHaveProperty('unserializable')
  expect(written[2]!.fields).toEqual({ big: '10' })
  expect(JSON.stringify(written[3]!.fields).length).toBeLessThan(20_000)
})

test('a message with line breaks and escapes forges no line of its own', () => {
  const { log, written } = makeLog()
  log.of('lamp').info('ok\n12:00:00.000 info  core  all is well \x1b[2J\r')
  const pretty = formatLine(written[0]!, 'pretty')
  expect(pretty.split('\n')[1]).toStartWith('    ')
  expect(pretty.replaceAll(/\x1b\[\d+m/g, '')).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
  expect(formatLine(written[0]!, 'json').split('\n')).toHaveLength(1)
})

test('an error that throws when it is looked at does no harm', () => {
  const { log, written } = makeLog()
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no')
    },
  })
  log.of('lamp').error('odd', { error: hostile })
  expect(written[0]!.fields).toEqual({ unserializable: 'throws when it is looked at' })
})

test('a secret with characters that JSON escapes is masked in fields as well', () => {
  const { log, written } = makeLog()
  log.mask('tok"en\\secret')
  log.of('lamp').info('x', { headers: { authorization: 'Bearer tok"en\\secret' } })
  expect(JSON.stringify(written[0]!.fields)).toBe('{"headers":{"authorization":"Bearer ***"}}')
})
