// HEAD is answered as GET would be, but for the body: with its length where that is known, and with none where it is not.

import { expect, test } from 'bun:test'
import { raw } from '../http/kit.ts'
import { houseBefore, WildService } from './kit.ts'

test.each<[what: string, framing: string, told: RegExp]>([
  ['a length', 'Content-Length: 7', /^content-length: 7\r$/im],
  ['chunks', 'Transfer-Encoding: chunked', /^transfer-encoding: chunked\r$/im],
  ['neither', 'Connection: close', /^transfer-encoding: chunked\r$/im],
])('where the service says %s', async (_what, framing, told) => {
  await using service = await WildService.start(
    (socket) => void socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`),
  )
  await using house = await houseBefore({ svc: { url: service.url } })
  const answer = await raw(
    house.url,
    `HEAD /api/plugins/svc/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${house.token}\r\n\r\n`,
  )
  expect(answer).toMatch(told)
  expect(answer).toEndWith('\r\n\r\n')
  expect(answer).not.toMatch(/^content-length: 0\r$/im)
})
