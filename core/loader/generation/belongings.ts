// What a plugin opened through its globals and has not closed yet, and where in its code it did.

import { relative } from 'node:path'
import type { Hold } from '@home-console/sdk'
import { positionInStack } from '../fault.ts'

interface Belonging {
  readonly hold: Hold
  /** Its stack leads to where the thing was opened. It is read only when the thing must be named. */
  readonly opened: Error
  readonly undo: (() => void) | undefined
}

export class Belongings {
  readonly #dir: string
  readonly #files: ReadonlySet<string>
  readonly #open = new Map<unknown, Belonging>()

  /** @param files the plugin's own files, below or beside `dir` */
  constructor(dir: string, files: ReadonlySet<string>) {
    this.#dir = dir
    this.#files = files
  }

  /** @param undo for what outlives the module context */
  add(thing: unknown, hold: Hold, undo?: () => void): void {
    this.#open.set(thing, { hold, undo, opened: new Error('opened here') })
  }

  remove(thing: unknown): void {
    this.#open.delete(thing)
  }

  list(): Hold[] {
    return Array.from(this.#open.values(), ({ hold: { kind, label }, opened }) => {
      const position = positionInStack(opened, this.#files)
      const where = position === undefined ? '' : ` at ${relative(this.#dir, position.file)}:${position.line}`
      return { kind, label: label + where }
    })
  }

  things(): IterableIterator<unknown> {
    return this.#open.keys()
  }

  /** A stack is mapped to lines when it is first read, by the file's newest form: so, before there is a newer one. */
  locate(): void {
    for (const { opened } of this.#open.values()) void opened.stack
  }

  /** Takes back what outlives the module context, and forgets the rest. */
  clear(): void {
    for (const { undo } of this.#open.values()) undo?.()
    this.#open.clear()
  }
}
