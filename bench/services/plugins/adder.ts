// Offers the function as a service.

import { definePlugin } from '@home-console/sdk'
import { add } from './_add.ts'

export default definePlugin({
  provides: ['adder'],
  onLoad(ctx) {
    ctx.services.provide('adder', { add })
  },
})
