// One change of the house: all that it touches is imported and staged side by side, and goes live in one tick, or not.

import {
  circleThrough,
  leansOn,
  meets,
  missing,
  NeedsNotMet,
  type Need,
  type Needs,
} from '../generation/needs.ts'

/** One plugin, as far as its coming and going is concerned. */
export interface Part {
  readonly id: string
  /** Needs and offers of the version that serves; null while none does. */
  readonly offer: Needs | null
  /** Synchronous: what serves falls silent, and its routes are gone. */
  silence(): void
}

/** One try to bring a part up, or a new version of it. */
export interface Attempt<P extends Part = Part> {
  readonly part: P
  /** What changed, and so ties it to whatever else the same files belong to. */
  readonly files: readonly string[]
  /** Null until it is prepared: only the imported version tells. */
  readonly needs: Needs | null
  /** Imports the version. @throws why it is refused */
  prepare(): Promise<void>
  /** Where no other version may be alive beside it: sends that away, and imports it only now. @throws why it is refused */
  makeRoom(): Promise<void>
  /**
   * Runs `onLoad`; what it needs is there.
   * @param mayGo ids of the parts that go, or swap, together with it
   * @throws why it is refused
   */
  stage(mayGo: ReadonlySet<string>): Promise<void>
  /** A last look in the tick of the commit. @throws why it is refused */
  check(change: Change<P>): void
  /** Synchronous: the version before falls silent. */
  silence(): void
  /** Synchronous: the staged version goes live. */
  commit(): void
  /** In the same tick, when all are live: tells of it. */
  tell(): void
  /** After the tick: lets go of the version before. */
  letGo(): void
  /** Throws the version away, with the reason on record. */
  refuse(error: unknown): Promise<void>
  /** From now on its steps reject: something newer overtook it. */
  overtake(): void
}

/** What goes live in one tick. */
export interface Change<P extends Part = Part> {
  /** What the house offers from then on. */
  readonly house: readonly Needs[]
  /** What serves on as it is, and would lack something then. */
  readonly bereft: readonly Needs[]
  /** Ids of those that swap. */
  readonly swapping: ReadonlySet<string>
  readonly leaving: readonly P[]
}

/** The rest of the house, as a transaction sees it. */
export interface Surroundings<P extends Part> {
  readonly parts: readonly P[]
  /** What the house offers besides them. */
  readonly standing: readonly Needs[]
  /** The other transactions that are not decided yet. */
  coming(besides: Transaction<P>): readonly Transaction<P>[]
  /** The one was refused for the other's sake: the next change of `part` brings `mate` with it. */
  bind(part: P, mate: P): void
  /** They wait for each other: what each brings goes live together. */
  merge(transactions: readonly Transaction<P>[]): void
  /** Settles when some transaction has come a step further. */
  progress(): Promise<void>
  tellProgress(): void
}

/** Another one, tied to it by what changed or by its needs, was refused. */
export class HeldBack extends Error {
  override readonly name = 'HeldBack'
  readonly culprit: string

  constructor(culprit: string) {
    super(
      `It changed together with "${culprit}", which was refused. Both go live with the next version that is good.`,
    )
    this.culprit = culprit
  }
}

export class Transaction<P extends Part = Part> {
  readonly attempts: readonly Attempt<P>[]
  readonly leaving: readonly P[]
  readonly #surroundings: Surroundings<P>
  readonly #mayGo: ReadonlySet<string>
  readonly #refused = new Map<Attempt<P>, unknown>()
  readonly #staging = new Map<Attempt<P>, Promise<void>>()
  readonly #staged = new Set<Attempt<P>>()
  /** Whose decision attempts wait for. */
  readonly #awaited = new Map<Attempt<P>, readonly Transaction<P>[]>()
  /** What was committed, providers first. */
  #live: readonly Attempt<P>[] = []
  #overtaken = false
  #decided = false
  #committed = false

  constructor(attempts: readonly Attempt<P>[], leaving: readonly P[], surroundings: Surroundings<P>) {
    this.attempts = attempts
    this.leaving = leaving
    this.#mayGo = new Set([...leaving, ...attempts.map(({ part }) => part)].map(({ id }) => id))
    this.#surroundings = surroundings
  }

  /** Whether it was committed, refused or overtaken. */
  get decided(): boolean {
    return this.#decided
  }

  /** Whether anything went live or away. */
  get hasCommitted(): boolean {
    return this.#committed
  }

  /** What its versions offer, as far as it is known by now. */
  get offers(): Needs[] {
    return this.attempts.flatMap((attempt) => (this.#refused.has(attempt) ? [] : (attempt.needs ?? [])))
  }

  /** Whether some of them have not said yet what they offer. */
  get isPreparing(): boolean {
    return this.attempts.some((attempt) => attempt.needs === null && !this.#refused.has(attempt))
  }

  get isOvertaken(): boolean {
    return this.#overtaken
  }

  touches(part: P): boolean {
    return this.attempts.some((attempt) => attempt.part === part) || this.leaving.includes(part)
  }

  /** Something newer takes its place: it commits nothing any more. */
  overtake(): void {
    this.#overtaken = true
    for (const attempt of this.attempts) attempt.overtake()
    this.#surroundings.tellProgress()
  }

  /** Settles when everything is live or refused. Never rejects. */
  async run(): Promise<void> {
    await Promise.all(this.attempts.map((attempt) => this.#prepare(attempt)))
    // Before any needs are asked for: until it is imported, only those of the version before are known.
    await Promise.all(this.attempts.map((attempt) => this.#makeRoom(attempt)))
    await Promise.all(this.attempts.map((attempt) => this.#stage(attempt)))
    // The tick of the commit has a turn of its own too.
    if (this.attempts.length > 1) await nextTurn()
    if (this.#overtaken) for (const attempt of this.attempts) this.#refused.set(attempt, null)
    else this.#commit()
    this.#decided = true
    this.#surroundings.tellProgress()
    await Promise.all([
      this.#letGo(),
      ...Array.from(this.#refused, ([attempt, error]) => attempt.refuse(error)),
    ])
  }

  async #prepare(attempt: Attempt<P>): Promise<void> {
    await this.#itsTurn(attempt)
    await this.#unlessRefused(attempt, async () => {
      attempt.check({ ...NOTHING_YET, leaving: this.leaving })
      await attempt.prepare()
    })
    this.#surroundings.tellProgress()
  }

  /** Each on a turn of its own: a step takes some ms at a stretch, and the house goes on in between. */
  async #itsTurn(attempt: Attempt<P>): Promise<void> {
    for (let turn = this.attempts.indexOf(attempt); turn > 0; turn--) await nextTurn()
  }

  #makeRoom(attempt: Attempt<P>): Promise<void> {
    return this.#unlessRefused(attempt, async () => {
      if (!this.#isHeldBack(attempt)) await attempt.makeRoom()
    })
  }

  #stage(attempt: Attempt<P>): Promise<void> {
    let staging = this.#staging.get(attempt)
    if (staging === undefined) {
      staging = this.#unlessRefused(attempt, async () => {
        await this.#needsMet(attempt)
        await this.#itsTurn(attempt)
        if (!this.#refused.has(attempt)) await attempt.stage(this.#mayGo)
        this.#staged.add(attempt)
      })
      this.#staging.set(attempt, staging)
    }
    return staging
  }

  async #unlessRefused(attempt: Attempt<P>, step: () => Promise<void>): Promise<void> {
    if (this.#refused.has(attempt)) return
    try {
      await step()
    } catch (error) {
      this.#refused.set(attempt, error)
    }
  }

  /** Waits for what may still come; held back by what was refused. @throws NeedsNotMet when nothing comes */
  async #needsMet(attempt: Attempt<P>): Promise<void> {
    const needs = attempt.needs!
    while (!this.#overtaken) {
      if (this.#isHeldBack(attempt)) return
      const mates = this.attempts.filter((mate) => mate !== attempt && !this.#refused.has(mate))
      const house = [...this.#unchanged(), ...mates.map((mate) => mate.needs!)]
      const lacking = missing(needs, house)
      const coming = lacking.length === 0 ? [] : this.#surroundings.coming(this)
      // Whoever is on its way counts only where nobody else gives what is lacking.
      const told = coming.flatMap(({ offers }) => offers)
      const circle = circleThrough(needs, [needs, ...house, ...told])
      if (circle !== null) throw new NeedsNotMet(needs, lacking, circle)
      const awaited = mates.filter((mate) => !this.#staged.has(mate) && leansOn(needs, mate.needs!))
      if (awaited.length > 0) await Promise.all(awaited.map((mate) => this.#stage(mate)))
      else if (lacking.length === 0) return
      else await this.#awaitGivers(attempt, lacking, coming)
    }
  }

  /** @throws NeedsNotMet when nobody on its way may give what is lacking */
  async #awaitGivers(attempt: Attempt<P>, lacking: Need[], coming: readonly Transaction<P>[]): Promise<void> {
    const givers = coming.filter(({ offers }) =>
      offers.some((offer) => lacking.some((need) => meets(offer, need))),
    )
    if (givers.length === 0 && !coming.some(({ isPreparing }) => isPreparing))
      throw new NeedsNotMet(attempt.needs!, lacking, null)
    const back = givers.filter((giver) => giver.#waitsFor(this))
    if (back.length > 0) return this.#surroundings.merge([this, ...back])
    this.#awaited.set(attempt, givers)
    await this.#surroundings.progress()
    this.#awaited.delete(attempt)
  }

  #waitsFor(other: Transaction<P>, seen = new Set<Transaction<P>>()): boolean {
    if (this === other) return true
    if (seen.has(this)) return false
    seen.add(this)
    return [...this.#awaited.values()].flat().some((next) => next.#waitsFor(other, seen))
  }

  /** What serves and is not touched. */
  #unchanged(): Needs[] {
    const { parts, standing } = this.#surroundings
    return [...standing, ...parts.flatMap((part) => (this.touches(part) ? [] : (part.offer ?? [])))]
  }

  // --- One tick.

  #commit(): void {
    let going = this.#independent()
    for (;;) {
      const change = this.#changeTo(going)
      const refused = going.filter((attempt) => !this.#passes(attempt, change))
      if (refused.length === 0) break
      going = this.#independent()
    }
    for (const attempt of going) attempt.silence()
    for (const part of this.leaving) part.silence()
    this.#committed = going.length > 0 || this.leaving.length > 0
    this.#live = inOrder(going)
    for (const attempt of this.#live) attempt.commit()
    for (const attempt of this.#live) attempt.tell()
  }

  async #letGo(): Promise<void> {
    for (const attempt of this.#live) {
      attempt.letGo()
      if (attempt !== this.#live.at(-1)) await nextTurn()
    }
  }

  #passes(attempt: Attempt<P>, change: Change<P>): boolean {
    try {
      const lacking = missing(attempt.needs!, change.house)
      const circle = circleThrough(attempt.needs!, change.house)
      if (lacking.length > 0 || circle !== null) throw new NeedsNotMet(attempt.needs!, lacking, circle)
      attempt.check(change)
      return true
    } catch (error) {
      this.#refused.set(attempt, error)
      return false
    }
  }

  #changeTo(going: readonly Attempt<P>[]): Change<P> {
    const swapping = new Set(going.map(({ part }) => part.id))
    const kept = this.attempts.flatMap(({ part }) => (swapping.has(part.id) ? [] : (part.offer ?? [])))
    const staying = [...this.#unchanged(), ...kept]
    const house = [...staying, ...going.map((attempt) => attempt.needs!)]
    const bereft = staying.filter((needs) => missing(needs, house).length > 0)
    return { house, bereft, swapping, leaving: this.leaving }
  }

  /** Those that have nothing to do with one that was refused. What depends on one is refused with it. */
  #independent(): Attempt<P>[] {
    for (const [culprit] of this.#refused)
      for (const attempt of this.attempts)
        if (!this.#refused.has(attempt) && depends(attempt, culprit)) this.#holdBack(attempt, culprit)
    return this.attempts.filter((attempt) => !this.#refused.has(attempt))
  }

  #isHeldBack(attempt: Attempt<P>): boolean {
    const culprit = this.attempts.find((mate) => this.#refused.has(mate) && depends(attempt, mate))
    if (culprit !== undefined) this.#holdBack(attempt, culprit)
    return culprit !== undefined
  }

  #holdBack(attempt: Attempt<P>, culprit: Attempt<P>): void {
    this.#surroundings.bind(culprit.part, attempt.part)
    if (shareFile(attempt, culprit)) this.#surroundings.bind(attempt.part, culprit.part)
    const why = this.#refused.get(culprit)
    this.#refused.set(attempt, new HeldBack(why instanceof HeldBack ? why.culprit : culprit.part.id))
  }
}

/** A file that changed belongs to both, or the one needs what the other offers. */
function depends(attempt: Attempt, culprit: Attempt): boolean {
  const offer = culprit.needs ?? culprit.part.offer
  return shareFile(attempt, culprit) || (offer !== null && leansOn(attempt.needs!, offer))
}

function shareFile(one: Attempt, other: Attempt): boolean {
  return one.files.some((file) => other.files.includes(file))
}

/** Whoever is needed comes before who needs it. */
function inOrder<A extends Attempt>(attempts: readonly A[]): A[] {
  const ordered = new Set<A>()
  const visited = new Set<A>()
  const place = (attempt: A) => {
    if (visited.has(attempt)) return
    visited.add(attempt)
    for (const other of attempts) if (leansOn(attempt.needs!, other.needs!)) place(other)
    ordered.add(attempt)
  }
  for (const attempt of attempts) place(attempt)
  return [...ordered]
}

const NOTHING_YET: Change<never> = { house: [], bereft: [], swapping: new Set(), leaving: [] }

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
