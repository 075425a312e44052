// Changes a wish again and again, and says each time when it is done; now and then it closes the database, as a stop does.

import { mkdirSync, writeSync } from 'node:fs'
import { openCoreDatabase } from '../../core/db/core-database.ts'
import { Wishes } from '../../core/db/wishes.ts'

const [folder, synchronous, changes] = process.argv.slice(2) as [string, string, string]
mkdirSync(folder, { recursive: true })
for (let count = 1; count <= Number(changes);) {
  const { db, close } = openCoreDatabase(folder)
  if (synchronous !== 'as it is') db.$client.run(`PRAGMA synchronous = ${synchronous}`)
  const wishes = new Wishes(db)
  for (const end = count + 25; count < end && count <= Number(changes); count++) {
    wishes.change('lamp', { rollbackAfter: count })
    // More than a page: it changes several, and the order in which they reach the disk matters.
    wishes.change(`filler-${count}`, { pinned: { digest: 'x'.repeat(3_000), over: '', since: '' } })
    writeSync(1, `${count}\n`)
  }
  // A log that has grown is written into the file while it is in use, and when it is closed.
  if (count % 2 === 0) db.$client.run('PRAGMA wal_checkpoint')
  close()
}
