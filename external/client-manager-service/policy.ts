// What may be run: a list of commands with checked arguments, and anything else only if the owner says so. No shell.

import type { Database } from 'bun:sqlite'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from '@hono/zod-openapi'
import { durably } from './database.ts'
import { Problem } from './problem.ts'

const argument = z
  .string()
  .max(4_096)
  .refine((text) => !text.includes('\0'), 'An argument holds no NUL.')

const Param = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('text'),
      pattern: z
        .string()
        .max(500)
        .optional()
        .refine((source) => source === undefined || compile(source) !== null, 'It is no regular expression.')
        .describe('The whole value must match it'),
      max: z.number().int().min(1).max(4_096).default(200),
      default: z.string().optional(),
    }),
    z.object({
      type: z.literal('integer'),
      min: z.number().int(),
      max: z.number().int(),
      default: z.number().int().optional(),
    }),
    z.object({
      type: z.literal('choice'),
      choices: z.array(argument).min(1).max(100),
      default: z.string().optional(),
    }),
  ])
  .openapi('Param')
type Param = z.infer<typeof Param>

const PLACE = /^\{([a-z][a-z0-9_]{0,31})\}$/

const Rule = z
  .object({
    description: z.string().max(500).optional(),
    argv: z
      .array(argument)
      .min(1)
      .max(64)
      .describe('The program and its arguments. `{name}` stands for a parameter, as an argument of its own'),
    params: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), Param).default({}),
    clients: z
      .array(z.string())
      .max(1_000)
      .optional()
      .describe('The clients that it may run on; any, unless given'),
  })
  .superRefine(({ argv, params }, context) => {
    const places = argv.flatMap((one) => PLACE.exec(one)?.[1] ?? [])
    const refuse = (message: string, path: string[]) => context.addIssue({ code: 'custom', message, path })
    if (argv[0] !== undefined && PLACE.test(argv[0]))
      refuse('The program itself is no parameter.', ['argv', '0'])
    for (const name of places)
      if (!Object.hasOwn(params, name)) refuse(`"{${name}}" is none of its params.`, ['argv'])
    for (const name of Object.keys(params))
      if (!places.includes(name)) refuse('It stands nowhere in argv.', ['params', name])
  })
type Rule = z.infer<typeof Rule>

export const Policy = z
  .object({
    free: z.boolean().default(false).describe('Whether anything may be run, and not only what is listed'),
    commands: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/), Rule).describe('What may be run, by name'),
  })
  .openapi('Policy')
export type Policy = z.infer<typeof Policy>

/** By name with parameters, or the argv itself; a text is taken apart at its blanks, and by no shell. */
export const CommandRequest = z
  .object({
    name: z.string().max(63).optional().describe("One of the policy's commands"),
    params: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
    command: z
      .union([z.string().max(1_000), z.array(argument).min(1).max(256)])
      .optional()
      .describe(
        'The program and its arguments: those of a command of the policy, or, where the owner allows free ones, any. A text is split at its blanks; no shell reads it',
      ),
  })
  .openapi('CommandRequest')
export type CommandRequest = z.infer<typeof CommandRequest>

export interface Allowed {
  /** Null: it is on no list. */
  readonly name: string | null
  readonly argv: readonly string[]
}

export class PolicyKeeper {
  readonly #db: Database
  #policy: Policy

  constructor(db: Database) {
    this.#db = db
    const kept = db.query<{ value: string }, []>("SELECT value FROM settings WHERE key = 'policy'").get()
    this.#policy = Policy.parse(JSON.parse(kept?.value ?? defaults()))
  }

  get current(): Policy {
    return this.#policy
  }

  replace(policy: Policy): void {
    durably(this.#db, () =>
      this.#db
        .query("INSERT OR REPLACE INTO settings (key, value) VALUES ('policy', ?)")
        .run(JSON.stringify(policy)),
    )
    this.#policy = policy
  }

  /** What is to be run, if it may be. @throws Problem `invalid_request`, `unknown_command`, `command_refused` */
  allow(request: CommandRequest, client: string): Allowed {
    if ((request.name === undefined) === (request.command === undefined))
      throw new Problem(400, 'invalid_request', 'Give either "name" or "command".')
    if (request.name !== undefined) return this.#byName(request.name, request.params, client)
    const argv = typeof request.command === 'string' ? words(request.command) : request.command!
    const { free, commands } = this.#policy
    for (const [name, rule] of Object.entries(commands))
      if (reaches(rule, client) && makes(rule, argv)) return { name, argv }
    if (free) return { name: null, argv }
    throw new Problem(
      403,
      'command_refused',
      `${JSON.stringify(argv[0])} with these arguments is not on the list of what may be run. The owner can add it to the policy.`,
    )
  }

  #byName(name: string, params: CommandRequest['params'], client: string): Allowed {
    const rule = Object.hasOwn(this.#policy.commands, name) ? this.#policy.commands[name] : undefined
    if (rule === undefined)
      throw new Problem(404, 'unknown_command', `The policy has no command ${JSON.stringify(name)}.`)
    if (!reaches(rule, client))
      throw new Problem(403, 'command_refused', `"${name}" may not be run on this client.`)
    for (const given of Object.keys(params))
      if (!Object.hasOwn(rule.params, given))
        throw new Problem(400, 'invalid_request', `"${name}" has no parameter ${JSON.stringify(given)}.`)
    const argv = rule.argv.map((part) => {
      const place = PLACE.exec(part)?.[1]
      if (place === undefined) return part
      const param = rule.params[place]!
      const value = (Object.hasOwn(params, place) ? params[place] : undefined) ?? param.default
      if (value === undefined) throw new Problem(400, 'invalid_request', `"${name}" needs "${place}".`)
      const trouble = misfit(param, String(value))
      if (trouble !== null) throw new Problem(400, 'invalid_request', `"${place}" ${trouble}.`)
      return String(value)
    })
    return { name, argv }
  }
}

function reaches({ clients }: Rule, client: string): boolean {
  return clients === undefined || clients.includes(client)
}

/** Whether a rule, with some parameters, gives just this. */
function makes({ argv, params }: Rule, asked: readonly string[]): boolean {
  return (
    argv.length === asked.length &&
    argv.every((part, at) => {
      const place = PLACE.exec(part)?.[1]
      return place === undefined ? part === asked[at] : misfit(params[place]!, asked[at]!) === null
    })
  )
}

/** What is wrong with a value; null: nothing. */
function misfit(param: Param, value: string): string | null {
  // What begins so is an option to most programs, and nobody asked for that.
  if (param.type !== 'integer' && value.startsWith('-')) return 'must not begin with "-"'
  if (/\p{Cc}/u.test(value)) return 'must hold no control characters'
  switch (param.type) {
    case 'choice':
      return param.choices.includes(value) ? null : `must be one of ${param.choices.join(', ')}`
    case 'integer': {
      const { min, max } = param
      const fits = /^-?\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max
      return fits ? null : `must be a whole number from ${min} to ${max}`
    }
    case 'text':
      if (value.length === 0 || value.length > param.max) return `must have 1 to ${param.max} characters`
      if (param.pattern === undefined || compile(param.pattern)!.test(value)) return null
      return `must match ${param.pattern}`
  }
}

/** Taken apart at blanks. What a shell would read something into is refused, so that nobody is mistaken about it. */
function words(text: string): string[] {
  const found = /[^\p{L}\p{N} _.,:/@%+=-]/u.exec(text)
  if (found !== null)
    throw new Problem(
      400,
      'invalid_request',
      `No shell reads a command, so ${JSON.stringify(found[0])} would mean nothing in it. Give an array of arguments where it is meant as it stands.`,
    )
  const parts = text.split(' ').filter((part) => part !== '')
  if (parts.length === 0) throw new Problem(400, 'invalid_request', 'The command is empty.')
  return parts
}

function compile(source: string): RegExp | null {
  try {
    return new RegExp(`^(?:${source})$`, 'u')
  } catch {
    return null
  }
}

function defaults(): string {
  return readFileSync(join(import.meta.dir, 'policy.json'), 'utf8')
}
