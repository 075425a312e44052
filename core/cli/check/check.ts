// Checks a plugin's sources without running them: follows the imports from its entry and finds what is not its to do.

import { readFileSync, statSync } from 'node:fs'
import { parseSync } from 'oxc-parser'
import { APP, dangerOf, isApp, modulePath, nameOf } from './dangers.ts'
import { type Finding, placeOf } from './finding.ts'
import { ModuleReader } from './module-reader.ts'
import { openPlugin, type PluginFiles, resolveImport, type Target, UnreadableFile } from './plugin-files.ts'
import { Flow, type Source, type Value } from './values.ts'

/**
 * What is wrong with the plugin at `path`, a folder or a file that exists, by file and line.
 *
 * It knows what the code says, not what it does: a name that is put together at run time passes unseen.
 */
export function checkPlugin(path: string): Finding[] {
  try {
    return new Check(openPlugin(path)).run()
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error
    const { file, message } = error
    return [{ file, line: 1, column: 1, rule: 'syntax', message, instead: 'repair the file' }]
  }
}

interface Touch {
  readonly file: string
  readonly at: number
  readonly values: Source
  readonly called: boolean
}

class Check {
  readonly #plugin: PluginFiles
  readonly #flow = new Flow()
  readonly #texts = new Map<string, string>()
  readonly #modules = new Map<string, ModuleReader>()
  /** What is there for its types only: nothing of it runs, but it has imports. */
  readonly #lookedThrough = new Set<string>()
  readonly #touches: Touch[] = []
  /** By place and rule: what is found twice is said once. */
  readonly #findings = new Map<string, Finding>()

  constructor(plugin: PluginFiles) {
    this.#plugin = plugin
  }

  run(): Finding[] {
    const { entry, contract } = this.#plugin
    if (contract !== undefined) this.#lookThrough(contract)
    if (statSync(entry, { throwIfNoEntry: false })?.isFile()) {
      const module = this.#load(entry)
      this.#flow.settle()
      this.#judgeTouches()
      this.#judgeDefaultExport(module)
    } else {
      const message = 'is not there, and it is where the plugin begins'
      this.#find(entry, 0, {
        rule: 'entry',
        message,
        instead: 'write it, or name another in exports["."] of package.json',
      })
    }
    return this.#findings
      .values()
      .toArray()
      .sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column)
  }

  #load(file: string): ModuleReader {
    const known = this.#modules.get(file)
    if (known) return known
    const module = new ModuleReader({
      flow: this.#flow,
      importing: (specifier, at, typesOnly) => this.#import(file, specifier, at, typesOnly),
      touching: (at, values, called) => void this.#touches.push({ file, at, values, called }),
    })
    this.#modules.set(file, module)
    this.#read(file, module)
    return module
  }

  #lookThrough(file: string): void {
    if (this.#lookedThrough.has(file)) return
    this.#lookedThrough.add(file)
    const importing = (specifier: string, at: number, typesOnly: boolean) => {
      const target = this.#judgeImport(file, specifier, at, typesOnly)
      if (target.kind === 'file') this.#lookThrough(target.path)
      return []
    }
    this.#read(file, new ModuleReader({ flow: new Flow(), importing, touching() {} }))
  }

  #read(file: string, module: ModuleReader): void {
    const text = readFileSync(file, 'utf8')
    this.#texts.set(file, text)
    const { program, errors } = parseSync(file, text, { preserveParens: false, showSemanticErrors: true })
    for (const { message, labels } of errors) {
      this.#find(file, labels[0]?.start ?? 0, {
        rule: 'syntax',
        message,
        instead: 'nothing runs until it parses',
      })
    }
    if (errors.length === 0) module.read(program)
  }

  /** What an import gives, after a look at whether the plugin may have it. */
  #import(file: string, specifier: string, at: number, typesOnly: boolean): Iterable<Value> {
    const target = this.#judgeImport(file, specifier, at, typesOnly)
    if (target.kind === 'file') {
      if (!typesOnly) return this.#load(target.path).namespace
      this.#lookThrough(target.path)
    }
    const path = target.kind === 'package' && !typesOnly ? modulePath(target.name) : undefined
    return path === undefined ? [] : [path]
  }

  #judgeImport(file: string, specifier: string, at: number, typesOnly: boolean): Target {
    const target = resolveImport(this.#plugin, specifier, file)
    const offence = offenceOf(target, specifier, typesOnly)
    if (offence) this.#find(file, at, offence)
    return target
  }

  /** Each danger is reported where it is called, and only if that is nowhere, where it is taken. */
  #judgeTouches(): void {
    const touches = this.#touches.flatMap(({ values, ...touch }) =>
      [...values()].flatMap((path) => {
        const danger = typeof path === 'string' ? dangerOf(path) : undefined
        return danger ? [{ ...touch, danger, name: nameOf(path as string) }] : []
      }),
    )
    const called = new Set(touches.filter((touch) => touch.called).map(({ name }) => name))
    for (const { file, at, danger, name, called: isCall } of touches) {
      if (!isCall && called.has(name)) continue
      const { rule, what, instead } = danger
      this.#find(file, at, { rule, message: `${name} ${what}`, instead })
    }
  }

  /** Bun serves a default export that has a `fetch` (or an `app`) when it runs the file. A plugin has an `onLoad`. */
  #judgeDefaultExport(entry: ModuleReader): void {
    for (const value of entry.defaultExport) {
      const isServed =
        typeof value === 'string'
          ? isApp(value)
          : !value.members.has('onLoad') && (value.members.has('fetch') || value.members.has('app'))
      if (!isServed) continue
      const { rule, what, instead } = APP
      this.#find(this.#plugin.entry, entry.defaultAt, {
        rule,
        message: `the default export ${what}`,
        instead,
      })
    }
  }

  #find(file: string, at: number, finding: Omit<Finding, 'file' | 'line' | 'column'>): void {
    const key = [file, at, finding.rule].join()
    this.#findings.set(key, { file, ...placeOf(this.#texts.get(file) ?? '', at), ...finding })
  }
}

type Offence = Pick<Finding, 'rule' | 'message' | 'instead'>

function offenceOf(target: Target, specifier: string, typesOnly: boolean): Offence | undefined {
  switch (target.kind) {
    case 'core':
      return {
        rule: 'core-import',
        message: `"${specifier}" is the inside of the Core`,
        instead: 'import from @home-console/sdk, which is all that a plugin knows of the Core',
      }
    case 'plugin':
      if (!target.isContract) {
        return {
          rule: 'plugin-import',
          message: `"${specifier}" is inside the plugin "${target.id}"`,
          instead:
            '`import type` its contract.ts, and talk through events and services; a file that several share lies under a name that begins with _',
        }
      }
      if (typesOnly) return undefined
      return {
        rule: 'plugin-import',
        message: `"${specifier}" loads code of the plugin "${target.id}"`,
        instead: 'write `import type`: its types are all that is yours',
      }
    case 'missing':
      if (typesOnly) return undefined
      return {
        rule: 'missing-file',
        message: `"${specifier}" leads to no file`,
        instead: 'correct the path, or write the file',
      }
    default:
      return undefined
  }
}
