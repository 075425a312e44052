// The route as a plugin's, with the security that a route has when it says nothing: an owner's.

import { definePlugin } from '@home-console/sdk'
import { addItems } from './route.ts'

export default definePlugin({
  onLoad(ctx) {
    const router = ctx.router()
    addItems(router)
    return router
  },
})
