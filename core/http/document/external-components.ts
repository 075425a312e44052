// The components that an adapter's part of the document takes over from its service: what the operations refer to, and what
// that refers to, under names of the adapter's.

import { mapDocument, withReferences, type Json } from './document-tree.ts'
import { placeOf, type ExternalDocument } from './external-document.ts'

export class ExternalComponents {
  readonly #id: string
  readonly #document: ExternalDocument
  readonly #sections: Map<string, Json>
  readonly #names = new Map<string, string>()
  readonly #asked: [section: string, name: string, as: string][] = []

  constructor(id: string, document: ExternalDocument, sections: Map<string, Json>) {
    this.#id = id
    this.#document = document
    this.#sections = sections
  }

  /** A copy whose references lead to the adapter's components. */
  take(value: unknown): any {
    return mapDocument(value, (object) => withReferences(object, (reference) => this.#renamed(reference)))
  }

  fetchAll(): void {
    for (let next = this.#asked.pop(); next !== undefined; next = this.#asked.pop()) {
      const [section, name, as] = next
      this.#sectionOf(section)[as] = this.take(this.#document.components[section]![name])
    }
  }

  #renamed(reference: string): string {
    const place = placeOf(reference)
    if (place === null) return reference
    const [section, name, rest] = place
    const key = `${section}/${name}`
    let as = this.#names.get(key)
    if (as === undefined) {
      as = unlessTaken(`${this.#id}.${name}`, this.#id, { has: (taken) => taken in this.#sectionOf(section) })
      this.#names.set(key, as)
      // Its place is taken from now on.
      this.#sectionOf(section)[as] = {}
      this.#asked.push([section, name, as])
    }
    return `#/components/${section}/${as}${rest}`
  }

  #sectionOf(section: string): Json {
    let members = this.#sections.get(section)
    if (members === undefined) this.#sections.set(section, (members = {}))
    return members
  }
}

/**
 * `<id>.Item` unless the adapter has an `Item` of its own: then `<id>.service.Item`, and `<id>.service2.Item` after that.
 *
 * @param counts where each name's count goes on: ten thousand that are called alike are not compared with each other
 */
export function unlessTaken(
  name: string,
  id: string,
  taken: { has(name: string): boolean },
  counts = new Map<string, number>(),
): string {
  let free = name
  let count = counts.get(name) ?? 1
  for (; taken.has(free); count++) free = `${id}.service${count === 1 ? '' : count}${name.slice(id.length)}`
  counts.set(name, count)
  return free
}
