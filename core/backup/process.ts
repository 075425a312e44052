// The process that makes and reads backups: it may block, takes what the house leaves of the machine, and ends with the Core.

import { setPriority } from 'node:os'
import { layOut, type LayingOut } from './lay-out.ts'
import { makeBackup, type Making } from './make.ts'
import { BackupRefused } from './manifest.ts'
import { NoRoom } from './room.ts'

/** What it is asked, in one message. */
export type Job =
  { readonly do: 'make'; readonly with: Making } | { readonly do: 'lay out'; readonly with: LayingOut }

/** What it answers, in one message. */
export type Answer =
  { readonly result: unknown } | { readonly error: { readonly name: string; readonly message: string } }

async function work(job: Job): Promise<unknown> {
  switch (job.do) {
    case 'make':
      return makeBackup(job.with)
    case 'lay out':
      return layOut(job.with)
  }
}

function nameOf(error: unknown): string {
  if (error instanceof BackupRefused || error instanceof NoRoom) return error.name
  return 'Error'
}

setPriority(19)
process.on('disconnect', () => process.exit())
process.on('message', (job: Job) => {
  const answer = (answer: Answer) => process.send!(answer, undefined, undefined, () => process.exit())
  work(job).then(
    (result) => answer({ result }),
    (error: unknown) =>
      answer({
        error: { name: nameOf(error), message: error instanceof Error ? error.message : String(error) },
      }),
  )
})
