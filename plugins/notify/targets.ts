// Where notifications go: what the owner has said, kept as a secret, and shown without its tokens.

import { type PluginContext, z } from '@home-console/sdk'
import { Message, Priority } from './contract.ts'

const Url = z
  .url({ protocol: /^https?$/ })
  .max(2_000)
  .regex(/^[^/]+:\/\/[^/?#@\\]+(?:[/?#]|$)/, 'must hold no user and password: use `token`')

const shared = {
  name: z
    .string()
    .regex(/^[\w-]{1,40}$/)
    .openapi({ example: 'phone' }),
  url: Url.openapi({ example: 'https://ntfy.sh/my-topic' }),
  minPriority: Priority.default('min').describe('It gets nothing that matters less'),
}

const Token = z.string().regex(/^[\x21-\x7e]{1,500}$/)

const Target = z.object({ ...shared, token: Token.nullable() })
export type Target = z.infer<typeof Target>

export const TargetChange = z
  .object({
    ...shared,
    token: Token.nullish().describe(
      'Sent as a bearer token. Left out, the one that this name has at this host is kept; null for none',
    ),
  })
  .openapi('TargetChange')

export const TargetShown = z.object({ ...shared, hasToken: z.boolean() }).openapi('Target')

export const TargetChanges = z
  .array(TargetChange)
  .max(10)
  .refine(
    (list) => new Set(list.map(({ name }) => name)).size === list.length,
    'must not name a target twice',
  )

const KEY = 'targets'

export class Targets {
  readonly #kv: PluginContext['kv']
  #list: readonly Target[] | undefined

  constructor(kv: PluginContext['kv']) {
    this.#kv = kv
  }

  /** Read when it is first asked for, and so after the commit: until then, the version before may still change it. */
  get list(): readonly Target[] {
    return (this.#list ??= z.array(Target).parse(this.#kv.get(KEY) ?? []))
  }

  get shown(): z.infer<typeof TargetShown>[] {
    return this.list.map(({ token, ...rest }) => ({ ...rest, hasToken: token !== null }))
  }

  /** Those that want it. */
  for({ priority }: Message): readonly Target[] {
    return this.list.filter(({ minPriority }) => rank(minPriority) <= rank(priority))
  }

  replace(changes: z.infer<typeof TargetChanges>): void {
    const list = changes.map(({ token, ...rest }) => ({
      ...rest,
      token: token === undefined ? this.#tokenOf(rest) : token,
    }))
    this.#kv.set(KEY, list, { secret: true })
    this.#list = list
  }

  /** Of the same name at the same host: a token goes nowhere that it was not meant for. */
  #tokenOf({ name, url }: Pick<Target, 'name' | 'url'>): string | null {
    const before = this.list.find((target) => target.name === name)
    return before !== undefined && new URL(before.url).origin === new URL(url).origin ? before.token : null
  }
}

/** 0 for what matters least. */
export function rank(priority: Priority): number {
  return Priority.options.indexOf(priority)
}
