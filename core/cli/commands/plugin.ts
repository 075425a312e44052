// hc plugin: the group of commands about plugins.

import { defineCommand } from 'citty'
import { strict } from '../strict.ts'

export const plugin = defineCommand({
  meta: {
    name: 'hc plugin',
    description:
      'Plugins: what runs, reload, go back, switch on and off, choose a mode, begin, migrate, check',
  },
  setup: strict(),
  subCommands: {
    list: () => import('./plugin-list.ts').then((module) => module.list),
    config: () => import('./plugin-config.ts').then((module) => module.config),
    reload: () => import('./plugin-reload.ts').then((module) => module.reload),
    rollback: () => import('./plugin-reload.ts').then((module) => module.rollback),
    enable: () => import('./plugin-switch.ts').then((module) => module.enable),
    disable: () => import('./plugin-switch.ts').then((module) => module.disable),
    mode: () => import('./plugin-mode.ts').then((module) => module.mode),
    logs: () => import('./plugin-logs.ts').then((module) => module.logs),
    new: () => import('./plugin-new.ts').then((module) => module.create),
    migrate: () => import('./plugin-migrate.ts').then((module) => module.migrate),
    check: () => import('./plugin-check.ts').then((module) => module.check),
  },
})
