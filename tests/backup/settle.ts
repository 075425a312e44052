// A process that does one step of a restore, for tests that end it in the middle: DATA_DIR PLUGINS_DIR settle|prove.

import { RestoreSwap } from '../../core/backup/swap.ts'

const [, , dataDir, pluginsDir, step] = process.argv
const swap = new RestoreSwap(dataDir!, [pluginsDir!])
if (step === 'prove') swap.prove()
else swap.settle()
