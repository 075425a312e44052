import { expect, test } from 'bun:test'
import { Patience } from './patience.ts'

test('an answer in time is the answer, and so is a refusal', async () => {
  const patience = new Patience(1_000)
  expect(await patience.ask('q', async () => 42)).toBe(42)
  await expect(patience.ask('q', () => Promise.reject(new Error('EACCES')))).rejects.toThrow('EACCES')
})

test('a question that hangs is given up, and not asked again until it was answered', async () => {
  const patience = new Patience(10)
  const answer = Promise.withResolvers<number>()
  let asked = 0
  const ask = () =>
    patience.ask('q', () => {
      asked++
      return answer.promise
    })

  await expect(ask()).rejects.toThrow('no answer within 10 ms')
  await Bun.sleep(30)
  await expect(ask()).rejects.toThrow('not answered')
  expect(asked).toBe(1)

  answer.resolve(1)
  await answer.promise
  await Bun.sleep(0)
  expect(await ask()).toBe(1)
  expect(asked).toBe(2)
})

test('whoever is not waited for any more is told', async () => {
  const patience = new Patience(10)
  let told: AbortSignal | undefined
  const ask = patience.ask('q', (late) => {
    told = late
    return new Promise(() => {})
  })
  expect(told?.aborted).toBe(false)
  await expect(ask).rejects.toThrow('no answer within 10 ms')
  expect(told?.aborted).toBe(true)
})

test('a question that hangs does not hold up another', async () => {
  const patience = new Patience(10)
  const hanging = patience.ask('a', () => new Promise(() => {}))
  expect(await patience.ask('b', async () => 'here')).toBe('here')
  await expect(hanging).rejects.toThrow()
})
