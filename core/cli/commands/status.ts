// hc status: is it there, and how is it?

import { defineCommand } from 'citty'
import { ask } from '../client.ts'
import { answer, bold, oneLine } from '../output.ts'
import type { Health } from '../shapes.ts'
import { json, strict } from '../strict.ts'
import { inColour } from '../words.ts'

export const status = defineCommand({
  meta: { name: 'hc status', description: 'Is it there, and how is it?' },
  args: { json },
  setup: strict(),
  async run({ args }) {
    const { text, body } = await ask<Health>('/health')
    answer(args.json, text, () => {
      const plugins = Object.entries(body.plugins ?? {}).map(([state, count]) => `${count} ${state}`)
      return [
        `${bold('Home Console')} ${oneLine(body.version)} ${inColour(body.status)}, up ${duration(body.uptime)}`,
        `plugins: ${oneLine(plugins.join(', '))}`,
      ].join('\n')
    })
  },
})

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}
