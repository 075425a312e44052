// A set for what comes and goes with every request, in no order.
//
// What has left a `Set` or a `Map` stays alive until the next full collection: the table that it outgrew leads to the one
// that took its place, and once the first has grown old, whatever was in any of them counts as old. At 25,000 requests a
// second that took a seventh of all the time, in collections that found nothing to free.

/** Where it stands. The roster's own affair. */
export interface Placed {
  place?: number | undefined
}

/** Each member is on one roster at a time, and once. */
export class Roster<Member extends object> {
  readonly #members: (Member & Placed)[] = []

  get size(): number {
    return this.#members.length
  }

  /** @throws Error when it is on one already */
  add(member: Member & Placed): void {
    if (member.place !== undefined) throw new Error('It is on a roster already.')
    member.place = this.#members.push(member) - 1
  }

  /** @returns whether it was there */
  delete(member: Member & Placed): boolean {
    const { place } = member
    if (place === undefined || this.#members[place] !== member) return false
    member.place = undefined
    const last = this.#members.pop()!
    if (last === member) return true
    this.#members[place] = last
    last.place = place
    return true
  }

  /** Members may leave meanwhile; one may be met twice then, and none is left out. */
  *[Symbol.iterator](): Generator<Member> {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place]
      if (member !== undefined) yield member
    }
  }
}
