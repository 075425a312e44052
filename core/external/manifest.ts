// What `service.json` says of an external service, checked before anything of it is started or called.

import type { ParseError } from 'jsonc-parser'
import { jsonc } from '../jsonc.ts'
import * as v from 'valibot'
import { mistakesIn } from '../mistakes.ts'

/** What describes a service, in its folder. */
export const SERVICE_FILE = 'service.json'
/** What an external service, and so its folder, can be called. */
export const EXTERNAL_NAME = /^[a-z][a-z0-9-]{0,62}$/

const path = v.pipe(v.string(), v.regex(/^\/[^\s?#]*$/, 'must be a path that begins with a slash'))
/** As `core/bus/pattern.ts` has it. */
const pattern = v.pipe(
  v.string(),
  v.maxLength(256),
  v.regex(
    /^(\*\*|([a-z0-9_-]+|\*)(\.([a-z0-9_-]+|\*))*(\.\*\*)?)$/,
    'must be an event type, or a pattern: dot-separated words, "*" for one, a closing "**" for any number',
  ),
)
const ms = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most))

const LONGEST = 64 * 1_024

/** Words that are no word of this file are mistakes, and refused: a limit that is misspelt would be none. */
const Manifest = v.strictObject({
  $schema: v.optional(v.string()),
  /** That of the folder. */
  name: v.pipe(
    v.string(),
    v.regex(EXTERNAL_NAME, 'must be small letters, digits and hyphens, the first one a letter'),
  ),
  version: v.pipe(v.string(), v.nonEmpty()),
  description: v.optional(v.string()),
  /** How the Core starts it, in the service's folder. Without it there is no mode `embedded`. */
  start: v.optional(
    v.strictObject({
      /** `bun` is the Core's own; `{port}` in an argument is the port on which it must listen, also in `PORT`. */
      command: v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.minLength(1, 'must name a program')),
      environment: v.optional(
        v.record(v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/)), v.string()),
        {},
      ),
      /** Answers 2xx once it can work; the health path unless given. */
      ready: v.optional(path),
      /** Whoever changes the mode waits so long for its answer. */
      readyMs: v.optional(ms(100, 240_000), 15_000),
      stopMs: v.optional(ms(0, 60_000), 5_000),
    }),
  ),
  /** Where it may be reached as a microservice. The environment's `EXTERNAL_<NAME>__URL` wins. */
  url: v.optional(
    v.pipe(v.string(), v.url(), v.regex(/^https?:\/\/[^/?#@]+\/?$/, 'must be an http(s) origin')),
  ),
  health: v.optional(
    v.strictObject({
      path: v.optional(path, '/health'),
      everyMs: v.optional(ms(100, 3_600_000), 10_000),
      timeoutMs: v.optional(ms(10, 60_000), 2_000),
    }),
    {},
  ),
  /** Where its OpenAPI document is. */
  openapi: v.optional(path),
  events: v.optional(
    v.strictObject({
      /** Types, or patterns of them, that it may publish. */
      sends: v.optional(v.array(pattern), []),
      /** Patterns that it may subscribe to. */
      wants: v.optional(v.array(pattern), []),
      /** Where it takes them as signed webhooks; without it, it reads the event stream. */
      webhook: v.optional(path),
    }),
    {},
  ),
  limits: v.optional(
    v.strictObject({
      /** Calls in flight. One more is answered with 503. */
      concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(200)), 64),
      connectMs: v.optional(ms(10, 60_000), 2_000),
      firstByteMs: v.optional(ms(10, 600_000), 30_000),
      silenceMs: v.optional(ms(10, 3_600_000), 60_000),
    }),
    {},
  ),
})

export type ServiceManifest = v.InferOutput<typeof Manifest>

export class ManifestRefused extends Error {
  override readonly name = 'ManifestRefused'
}

/** @throws ManifestRefused with the path of each mistake and what was expected */
export function parseServiceManifest(text: string, folderName: string): ServiceManifest {
  if (text.length > LONGEST) throw new ManifestRefused(`It has more than ${LONGEST} characters.`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new ManifestRefused(`It is no JSON, in line ${brokenLine(text)}: ${(error as Error).message}`)
  }
  const { success, output, issues } = v.safeParse(Manifest, json)
  if (!success) {
    throw new ManifestRefused(`${mistakesIn(issues).join('; ')}.`)
  }
  if (output.name !== folderName) {
    throw new ManifestRefused(`name: must be that of its folder, "${folderName}", and is "${output.name}".`)
  }
  return output
}

/** `JSON.parse` does not say where. */
function brokenLine(text: string): number {
  const errors: ParseError[] = []
  jsonc().parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
  return text.slice(0, errors[0]?.offset ?? 0).split('\n').length
}
