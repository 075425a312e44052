// Writes one thing into a folder, again and again, and says each time when it is kept: to have the power cut meanwhile.

import { writeSync } from 'node:fs'
import { subjects } from './subjects.ts'

const [folder, subject, synchronous, changes] = process.argv.slice(2) as [string, string, string, string]
subjects[subject]!.write(folder, {
  changes: Number(changes),
  synchronous,
  said: (count) => writeSync(1, `${count}\n`),
})
