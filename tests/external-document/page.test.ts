// What a service says of itself, on the page of the house: text, and never a part of the page, whatever is in it.

import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { CREDENTIAL, houseWithAdapter, inState, manifest } from '../external/kit.ts'
import { ServiceProcess } from '../external/service-process.ts'
import { until } from '../until.ts'

const CHROMIUM = Bun.env['CHROMIUM'] ?? '/usr/bin/chromium'
const SCRIPT = `<img src=x onerror="window.injected = 1"><script>window.injected = 2</script><svg onload="window.injected = 3">`
const LINK = '[press](javascript:window.injected=4)'

const hostile = JSON.stringify({
  openapi: '3.1.0',
  info: { title: SCRIPT, version: SCRIPT, description: SCRIPT },
  externalDocs: { url: 'javascript:window.injected = 5' },
  tags: [{ name: SCRIPT, description: SCRIPT }],
  paths: {
    '/shown': {
      get: {
        operationId: `shown${SCRIPT}`,
        summary: `Shown ${SCRIPT}`,
        description: `Described ${SCRIPT} ${LINK}`,
        tags: [SCRIPT],
        externalDocs: { url: 'javascript:window.injected = 6', description: SCRIPT },
        parameters: [
          {
            name: SCRIPT,
            in: 'query',
            description: SCRIPT,
            schema: { type: 'string', title: SCRIPT, default: SCRIPT },
          },
        ],
        responses: {
          200: {
            description: `${SCRIPT} ${LINK}`,
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/Shown' }, example: SCRIPT },
            },
          },
        },
      },
    },
  },
  components: {
    schemas: {
      Shown: {
        title: SCRIPT,
        description: SCRIPT,
        type: 'object',
        externalDocs: { url: 'javascript:window.injected = 7' },
        properties: { [SCRIPT]: { type: 'string', enum: [SCRIPT], description: LINK } },
      },
    },
  },
})

test.skipIf(!existsSync(CHROMIUM))(
  'script in the document of a service does not run on the page, and leads nowhere',
  async () => {
    await using service = await ServiceProcess.start({ OPENAPI: hostile })
    await using house = await houseWithAdapter(
      { 'service.json': manifest({ openapi: '/openapi.json' }) },
      {
        plugin: `export default { external: 'clients', onLoad(ctx) { return ctx.router().all('/*', ctx.proxy()) } }`,
        config: { external: { clients: { url: service.url, credential: CREDENTIAL } } },
      },
    )
    await inState(house, 'up')
    const shown = async () => (await (await house.request('/openapi.json')).text()).includes('/adapter/shown')
    await until('the document', shown)
    await using browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
      ],
    })
    const page = await browser.newPage()
    await page.goto(`${house.url}/docs`)
    const operation = page.locator('.opblock', { hasText: 'Shown' })
    await operation.locator('.opblock-summary-control').click()
    await operation.locator('.responses-table').first().waitFor()
    const text = await operation.textContent()
    expect(text).toContain('Described')
    const found = await page.evaluate(`[
      window.injected ?? null,
      document.querySelectorAll('#docs script, #docs [onerror], #docs [onload]').length,
      [...document.querySelectorAll('#docs a')].filter(({ href }) => href.startsWith('javascript:')).length,
    ]`)
    expect(found).toEqual([null, 0, 0])
  },
  30_000,
)
