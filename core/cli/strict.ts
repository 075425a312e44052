// What citty leaves to its users: an option or an argument that nobody asked for is a mistake, not a wish to ignore.

import type { ArgDef, ArgsDef, CommandContext } from 'citty'
import { BadUsage } from './failure.ts'

/** Every command takes it. */
export const json = { type: 'boolean', description: 'Print what the Core says, as JSON' } as const

/** The `setup` of every command. With `rest`, more arguments may follow those that it names. */
export function strict<Args extends ArgsDef>({ rest = false } = {}): (context: CommandContext<Args>) => void {
  return ({ rawArgs, args, cmd }) => {
    if (cmd.subCommands) {
      if (rawArgs[0]?.startsWith('-')) throw new BadUsage(`There is no option ${rawArgs[0]} here.`)
      return
    }
    const defined: Record<string, ArgDef> = { ...(cmd.args as ArgsDef) }
    for (const [name, value] of Object.entries(args)) {
      if (name === '_') continue
      // citty gives `--dry-run` under `dryRun` too.
      const known = [name, kebabOf(name)].find((one) => Object.hasOwn(defined, one))
      const type = known === undefined ? undefined : defined[known]!.type
      if (type === undefined)
        throw new BadUsage(`There is no option ${name.length === 1 ? '-' : '--'}${name}.`)
      if (type === 'string' && /^(-|$)/.test(String(value))) throw new BadUsage(`--${name} needs a value.`)
    }
    const named = Object.values(defined).filter(({ type }) => type === 'positional').length
    if (!rest && args._.length > named) throw new BadUsage(`"${args._[named]}" is one argument too many.`)
  }
}

function kebabOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
