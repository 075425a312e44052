// The order of needs, with made-up plugins: any graph, with failures, removals and returns, comes to what it must come to.

import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  circleThrough,
  leansOn,
  missing,
  NeedsNotMet,
  type Needs,
} from '../../core/loader/generation/needs.ts'
import { Lifecycle, type Begin, type LivingPart, type Next } from '../../core/loader/life/lifecycle.ts'
import { HeldBack, type Attempt, type Part } from '../../core/loader/life/transaction.ts'

/** What a version of a made-up plugin does. */
interface Version {
  readonly requires: readonly number[]
  readonly dependsOn: readonly number[]
  readonly fails: 'import' | 'onLoad' | null
  /** How many turns its import and its `onLoad` take. */
  readonly turns: number
}

const GOOD: Version = { requires: [], dependsOn: [], fails: null, turns: 0 }

class MadeUp implements LivingPart {
  readonly id: string
  readonly story: Story
  version: Version = GOOD
  present = false
  disabled = false
  state = 'loading'
  offer: Needs | null = null
  held: Needs | null = null
  awaiting: Needs | null = null
  seen: Needs | null = null
  tried: Version | null = null
  live: Version | null = null
  heldBackBy: string | null = null

  constructor(id: string, story: Story) {
    this.id = id
    this.story = story
  }

  get known(): Needs | null {
    return this.awaiting ?? this.offer ?? this.seen
  }

  needsOf({ requires, dependsOn }: Version): Needs {
    return {
      id: this.id,
      provides: [`s${this.id}`],
      requires: requires.map((index) => `sp${index}`),
      dependsOn: dependsOn.map((index) => `p${index}`),
      external: null,
    }
  }

  begin({ force }: Begin): Attempt | null {
    if (this.disabled || !this.present || (force !== true && this.tried === this.version)) return null
    this.tried = this.version
    if (this.held === null) this.state = 'loading'
    return new MadeUpAttempt(this, this.version)
  }

  isUpToDate(): boolean {
    return this.offer !== null && this.live === this.version
  }

  withdraw(next: Next): void {
    this.awaiting = next === 'waiting' ? (this.awaiting ?? this.offer) : null
    this.offer = null
    this.tried = null
    this.heldBackBy = null
    this.state = next
  }

  silence(): void {
    this.withdraw('stopping')
  }

  async leave(): Promise<void> {
    await turns(1)
    if (this.offer !== null) return
    const own = this.held
    this.held = null
    if (own === null) return
    for (const other of this.story.parts) {
      if (
        other !== this &&
        other.held !== null &&
        leansOn(other.held, own) &&
        !this.story.offeredBesides(this, other.held)
      )
        throw new Error(`${this.id} went before ${other.id}, which needs it`)
    }
  }
}

class MadeUpAttempt implements Attempt<MadeUp> {
  readonly part: MadeUp
  readonly files: readonly string[] = []
  readonly #version: Version
  #overtaken = false
  needs: Needs | null = null

  constructor(part: MadeUp, version: Version) {
    this.part = part
    this.#version = version
  }

  async makeRoom(): Promise<void> {}

  async prepare(): Promise<void> {
    await turns(this.#version.turns)
    if (this.#overtaken) throw new Error('overtaken')
    if (this.#version.fails === 'import') throw new Error('does not parse')
    this.needs = this.part.seen = this.part.needsOf(this.#version)
  }

  async stage(): Promise<void> {
    await turns(this.#version.turns)
    if (this.#overtaken) throw new Error('overtaken')
    if (this.#version.fails === 'onLoad') throw new Error('does not load')
  }

  check(): void {}
  silence(): void {}
  letGo(): void {}

  commit(): void {
    if (this.#overtaken) throw new Error(`${this.part.id} was committed though something newer overtook it`)
    this.part.offer = this.part.held = this.needs
    this.part.awaiting = null
    this.part.heldBackBy = null
    this.part.live = this.#version
    this.part.state = 'active'
  }

  tell(): void {
    const lacking = missing(this.needs!, this.part.story.serving())
    if (lacking.length > 0) throw new Error(`${this.part.id} is up without ${lacking[0]!.name}`)
  }

  async refuse(error: unknown): Promise<void> {
    if (this.#overtaken) return
    this.part.awaiting = error instanceof NeedsNotMet ? error.needs : null
    this.part.heldBackBy = error instanceof HeldBack ? error.culprit : null
    if (this.part.offer === null) this.part.state = error instanceof NeedsNotMet ? 'waiting' : 'failed'
  }

  overtake(): void {
    this.#overtaken = true
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

class Story {
  readonly parts: MadeUp[]
  readonly lifecycle = new Lifecycle<MadeUp>(() => this.parts)
  readonly #pending: Promise<void>[] = []
  failed: unknown

  constructor(count: number) {
    this.parts = Array.from({ length: count }, (_, index) => new MadeUp(`p${index}`, this))
  }

  serving(): Needs[] {
    return this.parts.flatMap(({ offer }) => offer ?? [])
  }

  offeredBesides(gone: Part, needs: Needs): boolean {
    const others = this.parts.flatMap((part) => (part === gone ? [] : (part.held ?? [])))
    return missing(needs, others).length === 0
  }

  do(what: Promise<void>): void {
    this.#pending.push(what)
  }

  /** Settles when nothing has been under way for some turns. */
  async end(): Promise<void> {
    void Promise.all(this.#pending).catch((error: unknown) => (this.failed = error))
    for (let turn = 0, quiet = 0; quiet < 10; turn++, quiet++) {
      if (!this.lifecycle.isIdle) quiet = 0
      if (turn > 1_000) throw new Error('It never comes to rest.')
      await turns(1)
    }
    if (this.failed !== undefined) throw this.failed
    await Promise.all(this.#pending)
  }

  /** One change: new versions of some, all of them noticed at once. */
  save(saved: readonly [MadeUp, Version][]): void {
    for (const [part, version] of saved) {
      part.version = version
      part.present = true
    }
    const cause = { kind: 'file' as const, files: [] }
    this.do(this.lifecycle.change(new Map(saved.map(([part]) => [part, { cause }]))))
  }

  remove(part: MadeUp): void {
    part.present = false
    this.do(this.lifecycle.change(new Map(), [part]))
  }

  disable(part: MadeUp): void {
    part.disabled = true
    this.do(this.lifecycle.leave([part], { kind: 'api', files: [] }, 'disabled'))
  }

  enable(part: MadeUp): void {
    part.disabled = false
    this.do(this.lifecycle.change(new Map([[part, { cause: { kind: 'api', files: [] }, force: true }]])))
  }
}

/** What must be true of a house in which nothing is under way. */
function expectInOrder(story: Story): void {
  const { parts, lifecycle } = story
  const house = story.serving()
  for (const part of parts) {
    if (part.offer !== null) expect(missing(part.offer, house), `${part.id} is up`).toEqual([])
    if (part.disabled || !part.present) expect(part.offer, `${part.id} is away`).toBeNull()
    else if (part.offer === null && part.version.fails === null) {
      // Nobody is forgotten: it waits, it says for what, and that is not there.
      if (part.heldBackBy !== null) {
        expect(part.state).toBe('failed')
        expect(parts.find(({ id }) => id === part.heldBackBy)!.isUpToDate()).toBe(false)
        continue
      }
      expect(part.state, `${part.id} waits`).toBe('waiting')
      const needs = part.awaiting!
      const waitingFor = lifecycle.waitingFor(part)
      expect(waitingFor.map(({ name }) => name)).toEqual(
        expect.arrayContaining(missing(needs, house).map(({ name }) => name)),
      )
      expect(waitingFor.length).toBeGreaterThan(0)
      const known = parts.flatMap((other) => other.known ?? [])
      const circle = circleThrough(needs, known)
      for (const { from, to } of circle ?? []) {
        const told = waitingFor.map(({ message }) => message).join()
        expect(told).toContain(`"${from}"`)
        expect(told).toContain(`"${to}"`)
      }
    }
  }
}

const COUNT = 6
const index = fc.nat(COUNT - 1)
const version: fc.Arbitrary<Version> = fc.record({
  requires: fc.uniqueArray(index, { maxLength: 2 }),
  dependsOn: fc.uniqueArray(index, { maxLength: 1 }),
  fails: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom('import' as const, 'onLoad' as const) },
  ),
  turns: fc.nat(3),
})
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('save' as const),
      parts: fc.uniqueArray(index, { minLength: 1 }),
      version,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('remove' as const, 'disable' as const, 'enable' as const),
      part: index,
    }),
  },
)

test('in any graph of needs, with failures, removals and returns, whoever can be up is up, and whoever waits says for what', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(version, { minLength: COUNT, maxLength: COUNT }),
      fc.array(fc.tuple(step, fc.nat(8)), { maxLength: 6 }),
      async (first, steps) => {
        const story = new Story(COUNT)
        for (const [at, part] of story.parts.entries()) story.save([[part, first[at]!]])
        for (const [next, wait] of steps) {
          await turns(wait)
          if (next.do === 'save') story.save(next.parts.map((at) => [story.parts[at]!, { ...next.version }]))
          else story[next.do](story.parts[next.part]!)
        }
        await story.end()
        expectInOrder(story)
      },
    ),
    { numRuns: 10_000 },
  )
}, 120_000)
