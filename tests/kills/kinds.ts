// All that is written in a house, to be killed in the middle of.

import { backups } from './backups.ts'
import { config } from './config.ts'
import type { Kind } from './kill.ts'
import { migrations } from './migrations.ts'
import { restores } from './restores.ts'
import { rows } from './rows.ts'
import { wishes } from './wishes.ts'

export const kinds: readonly Kind[] = [wishes, config, rows, migrations, backups, restores]
