// What the tests of the HTTP side share: plugins in a few words, and requests that no client would send.

import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { connect } from 'node:net'

/** A plugin whose `onLoad(ctx)` has this body. */
export function pluginOf(body: string): string {
  return `
import { createRoute, definePlugin, Problem, problem, z } from '@home-console/sdk'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { stream, streamSSE } from 'hono/streaming'
import { OpenAPIHono } from '@hono/zod-openapi'
const json = (schema) => ({ 'application/json': { schema } })
const text = (path, security, more = {}) => createRoute({
  method: 'get', path, ...(security && { security }), ...more,
  responses: { 200: { description: 'Text.', content: { 'text/plain': { schema: z.string() } } } },
})
export default definePlugin({ onLoad(ctx) { ${body} } })
`
}

/** A house with plugins, each told by the body of its `onLoad`. */
export function houseOf(
  plugins: Record<string, string>,
  config?: Parameters<typeof startTestHouse>[0] extends infer O
    ? NonNullable<O>['config' & keyof NonNullable<O>]
    : never,
): Promise<TestHouse> {
  return startTestHouse({
    plugins: Object.fromEntries(
      Object.entries(plugins).map(([id, body]) => [id, { 'index.ts': pluginOf(body) }]),
    ),
    ...(config !== undefined && { config }),
  })
}

export const NO_TOKEN = { headers: { Authorization: '' } }

/** Sends bytes as they are, and gives what comes back until the server ends the connection or falls silent. */
export async function raw(url: string, bytes: string | Uint8Array, silenceMs = 400): Promise<string> {
  const { port } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  const end = () => resolve(Buffer.concat(chunks).toString('latin1'))
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes))
  socket.setTimeout(silenceMs, end)
  socket
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .on('close', end)
    .on('error', end)
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}

/** The status of a raw answer; 0 where there is none. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0)
