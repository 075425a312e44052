// The LifecycleManager: who comes up and goes away when, so that nobody is up without what it needs.

import type { Reload } from '@home-console/sdk'
import type { Stored } from '../../settings/plugin-settings.ts'
import {
  circleThrough,
  leansOn,
  meets,
  missing,
  needsOf,
  tellCircle,
  tellNeed,
  type Needs,
} from '../generation/needs.ts'
import { Transaction, type Attempt, type Part, type Surroundings } from './transaction.ts'

export type Cause = Reload['cause']

/** How to begin a part. */
export interface Begin {
  readonly cause: Cause
  /** Even where the files are those of the last try. */
  readonly force?: boolean
  /** Even where a plugin that uses it would miss what it no longer offers. */
  readonly regardless?: boolean
  /** In place of what the file of its config says: a change is written when the plugin has taken it, and not before. */
  readonly config?: Stored | undefined
  /** How long the files took to be quiet, in ms. */
  readonly settle?: number
}

/** What becomes of a part that goes away. */
export type Next = 'disabled' | 'stopping' | 'waiting'

/** A part that can be begun and left. */
export interface LivingPart extends Part {
  readonly state: string
  /** Needs of a version that was refused for want of them; null where there is none. */
  readonly awaiting: Needs | null
  /** Of the version that waits; else of the one that serves; else of the one that was seen last. */
  readonly known: Needs | null
  /** Reads what there is, and gives a try at it; null when there is nothing new. */
  begin(how: Begin): Attempt | null
  /** Synchronous: it takes no requests and serves nobody new. */
  withdraw(next: Next): void
  /** Lets go of what was withdrawn. Settles when nothing of it is left. */
  leave(cause: Cause): Promise<void>
}

/** A part on its way out. */
interface Going<P> {
  readonly part: P
  /** What it needed and offered when it was withdrawn; null where nothing served. */
  readonly needs: Needs | null
  readonly cause: Cause
  /** Set once it goes: settles when it is gone. */
  left?: Promise<void>
}

function mustGoBefore(one: Going<unknown>, other: Going<unknown>): boolean {
  if (one.needs === null) return false
  return other.needs === null ? one.part === other.part : leansOn(one.needs, other.needs)
}

export interface WaitingFor {
  kind: string
  name: string
  message: string
}

/** What is there for plugins to need, and is no plugin. */
export interface Grounds {
  offers(): readonly Needs[]
  /** Why an external service of this name is not among them. */
  whyNot(name: string): string
}

const NO_GROUNDS: Grounds = { offers: () => [], whyNot: () => 'There are none here.' }

const DEPENDENCY: Cause = { kind: 'dependency', files: [] }
const GONE: Cause = { kind: 'file', files: [] }

/** For a part that is begun again for another's sake: none of the files that changed is its own. */
function sameKind({ kind }: Cause): Cause {
  return { kind, files: [] }
}

export class Lifecycle<P extends LivingPart> implements Surroundings<Part> {
  readonly #parts: () => readonly P[]
  readonly #grounds: Grounds
  /** With the end of each. */
  readonly #underWay = new Map<Transaction, Promise<void>>()
  /** A change of the one brings the others with it: they were refused for its sake. */
  readonly #bonds = new WeakMap<Part, Set<P>>()
  /** Counts what went live or away: whoever waits in vain is tried again when that has changed, and not before. */
  #state = 0
  readonly #going = new Set<Going<P>>()
  readonly #triedAt = new WeakMap<Part, number>()
  #progress = Promise.withResolvers<void>()
  #stopped = false

  /**
   * @param parts all that there are now
   * @param grounds what the house offers besides them
   */
  constructor(parts: () => readonly P[], grounds: Grounds = NO_GROUNDS) {
    this.#parts = parts
    this.#grounds = grounds
  }

  get parts(): readonly P[] {
    return this.#parts()
  }

  get standing(): readonly Needs[] {
    return this.#grounds.offers()
  }

  /** What the house offers besides its parts is another now. */
  reconsider(): void {
    this.#state++
    this.#wake()
  }

  /**
   * Brings up what is new or changed, and takes away what is gone, as one: it goes live in one tick, but for what depends
   * on something that is refused. What is under way with any of it is overtaken, and begun again together with it.
   * Settles when it is decided.
   */
  async change(wanted: ReadonlyMap<P, Begin>, gone: readonly P[] = []): Promise<void> {
    if (this.#stopped) return
    const leaving = new Set(gone)
    const attempts = new Map<P, Attempt>()
    const begin = (part: P, how: Begin) => {
      if (attempts.has(part) || leaving.has(part)) return
      const attempt = part.begin(how)
      if (attempt !== null) attempts.set(part, attempt)
    }
    for (const [part, how] of wanted) begin(part, how)
    const cause = wanted.values().next().value?.cause ?? GONE
    const again = { cause: sameKind(cause), force: true }
    for (const part of leaving) for (const mate of this.#takeBonds(part)) begin(mate, again)
    // Whoever is begun for another's sake may bring others.
    for (const part of attempts.keys()) for (const mate of this.#takeBonds(part)) begin(mate, again)
    const overtaken = this.#overtake([...attempts.keys(), ...leaving])
    for (const part of overtaken.leaving) if (!attempts.has(part)) leaving.add(part)
    for (const part of overtaken.mates) begin(part, again)
    if (attempts.size > 0) await this.#run([...attempts.values()], [...leaving], cause, overtaken.ended)
    else if (leaving.size > 0) await this.leave([...leaving], cause, 'stopping')
  }

  /** Takes parts away, after those that cannot be without them. Settles when nothing of them is left. */
  async leave(parts: readonly P[], cause: Cause, next: Next): Promise<void> {
    const overtaken = this.#overtake(parts)
    const again = { cause: sameKind(cause), force: true }
    const going = parts.map((part): Going<P> => ({ part, needs: part.offer, cause }))
    for (const part of parts) part.withdraw(next)
    const left = this.#letGo(going, overtaken.ended)
    await this.change(
      new Map(overtaken.mates.flatMap((mate) => (parts.includes(mate) ? [] : [[mate, again]]))),
      overtaken.leaving.filter((part) => !parts.includes(part)),
    )
    await left
  }

  /** Lets go of parts that were withdrawn, after those that cannot be without them. */
  async #letGo(parts: readonly Going<P>[], before?: Promise<unknown>): Promise<void> {
    const users = this.#bereft().map((part): Going<P> => ({ part, needs: part.offer, cause: DEPENDENCY }))
    for (const { part } of users) part.withdraw('waiting')
    const all = [...users, ...parts]
    for (const one of all) this.#going.add(one)
    this.tellProgress()
    await before
    await Promise.all(all.map((one) => this.#go(one)))
    this.#state++
    this.#wake()
  }

  #go(one: Going<P>): Promise<void> {
    const first = [...this.#going].filter((other) => other !== one && mustGoBefore(other, one))
    one.left ??= Promise.all(first.map((other) => this.#go(other)))
      .then(() => one.part.leave(one.cause))
      .finally(() => this.#going.delete(one))
    return one.left
  }

  /** Takes everything away. Nothing comes up after this. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.leave(this.parts, { kind: 'api', files: [] }, 'stopping')
  }

  /** What a part waits for, and why that is not there. */
  waitingFor({ id, awaiting }: P): WaitingFor[] {
    if (awaiting === null) return []
    const others = this.parts.filter((part) => part.known !== null && part.id !== id)
    const circle = circleThrough(awaiting, [awaiting, ...others.map((part) => part.known!)])
    const lacking = missing(awaiting, this.#serving())
    return needsOf(awaiting).flatMap((need) => {
      const isLink = circle !== null && circle[0]!.need.name === need.name
      if (!isLink && !lacking.includes(need) && !lacking.some(({ name }) => name === need.name)) return []
      const provider = others.find((part) => meets(part.known!, need))
      const message = isLink
        ? `They wait for each other: ${tellCircle(circle)}. Take one of these needs away.`
        : provider === undefined
          ? need.kind === 'external'
            ? this.#grounds.whyNot(need.name)
            : `There is no plugin that gives it.`
          : `"${provider.id}" gives it, and is ${provider.state}.`
      return [{ ...need, message: `It waits for ${tellNeed(need)}. ${message}` }]
    })
  }

  /** Whether nothing is being tried. */
  get isIdle(): boolean {
    return this.#underWay.size === 0
  }

  /** Settles when nothing is under way any more, and nobody was woken by what was. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values())
  }

  /** Settles when nothing is under way with a part. */
  async decided(part: P): Promise<void> {
    for (;;) {
      const [ended] = [...this.#underWay].flatMap(([other, end]) => (other.touches(part) ? [end] : []))
      if (ended === undefined) return
      await ended
    }
  }

  // --- What a transaction asks.

  coming(besides: Transaction): Transaction[] {
    return [...this.#underWay.keys()].filter(
      (other) => other !== besides && !other.decided && !other.isOvertaken,
    )
  }

  merge(transactions: readonly Transaction[]): void {
    const parts = transactions.flatMap(({ attempts }) => attempts.map(({ part }) => part as P))
    void this.change(new Map(parts.map((part) => [part, { cause: DEPENDENCY, force: true }])))
  }

  bind(part: Part, mate: Part): void {
    this.#bonds.set(part, (this.#bonds.get(part) ?? new Set()).add(mate as P))
  }

  progress(): Promise<void> {
    return this.#progress.promise
  }

  tellProgress(): void {
    this.#progress.resolve()
    this.#progress = Promise.withResolvers<void>()
  }

  // --- Transactions.

  async #run(
    attempts: readonly Attempt[],
    leaving: readonly P[],
    cause: Cause,
    before: Promise<unknown>,
  ): Promise<void> {
    const transaction = new Transaction(attempts, leaving, this)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#underWay.set(transaction, promise)
    await before
    for (const { part } of attempts) {
      // In a circle with a version that was refused as well, it may do by itself, and is tried once more.
      const isLast = attempts.length === 1 || this.#triedAt.get(part) === this.#state
      this.#triedAt.set(part, isLast ? this.#state : -1)
    }
    const going = leaving.map((part): Going<P> => ({ part, needs: part.offer, cause }))
    try {
      await transaction.run()
    } finally {
      if (transaction.hasCommitted) this.#state++
      this.#underWay.delete(transaction)
      resolve()
      this.tellProgress()
    }
    if (transaction.isOvertaken || going.length === 0) this.#wake()
    else await this.#letGo(going)
  }

  /** Ends what is under way with any of these, and names all that was in it. */
  #overtake(parts: readonly Part[]): { mates: P[]; leaving: P[]; ended: Promise<unknown> } {
    const touched = [...this.#underWay].filter(([other]) => parts.some((part) => other.touches(part)))
    const undecided = touched.flatMap(([other]) => (other.decided || other.isOvertaken ? [] : other))
    for (const other of undecided) other.overtake()
    return {
      mates: undecided.flatMap(({ attempts }) => attempts.map(({ part }) => part as P)),
      leaving: undecided.flatMap((other) => other.leaving as readonly P[]),
      ended: Promise.all(touched.map(([, ended]) => ended)),
    }
  }

  #takeBonds(part: Part): Iterable<P> {
    const mates = this.#bonds.get(part) ?? []
    this.#bonds.delete(part)
    return mates
  }

  // --- Needs.

  #serving(): Needs[] {
    return [...this.standing, ...this.parts.flatMap(({ offer }) => offer ?? [])]
  }

  /** Those that serve and lack what they need, or would lack it when the others of them are gone. */
  #bereft(): P[] {
    const bereft: P[] = []
    let rest = this.parts.filter((part) => part.offer !== null)
    for (let found = 1; found > 0;) {
      const house = [...this.standing, ...rest.map((part) => part.offer!)]
      const lacking = rest.filter((part) => missing(part.offer!, house).length > 0)
      bereft.push(...lacking)
      found = lacking.length
      rest = rest.filter((part) => !lacking.includes(part))
    }
    return bereft
  }

  /** Takes away who lost what it needs, and tries who waited for what is there by now. */
  #wake(): void {
    if (this.#stopped) return
    if (this.#bereft().length > 0) {
      void this.#letGo([])
      return
    }
    const house = this.#serving()
    for (const part of this.parts) {
      if (part.awaiting === null || this.#triedAt.get(part) === this.#state) continue
      if (missing(part.awaiting, house).length > 0) continue
      if (circleThrough(part.awaiting, [part.awaiting, ...house]) !== null) continue
      this.#triedAt.set(part, this.#state)
      void this.change(new Map([[part, { cause: DEPENDENCY, force: true }]]))
    }
  }
}
