// The page of the document, in a real browser that reaches nothing but this house.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startTestHouse, type TestHouse } from '@home-console/sdk/testing'
import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { NO_TOKEN, pluginOf } from '../http/kit.ts'

const CHROMIUM = Bun.env['CHROMIUM'] ?? '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Whatever asks for a name gets none.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

const lamp = `
  const router = ctx.router()
  router.openapi(createRoute({
    method: 'get', path: '/word', operationId: 'getWord', summary: 'A word of the lamp',
    responses: { 200: { description: 'It.', content: json(z.object({ word: z.string() }).openapi('Word')) } },
  }), (c) => c.json({ word: 'bright' }, 200))
  return router`

const light = `
import { definePlugin, z } from '@home-console/sdk'
const Glow = z.object({ lumen: z.number().describe('<b>how bright</b>') }).openapi('Glow')
export default definePlugin({ events: { 'lamp.glowed': Glow }, onLoad() {} })
`

let house: TestHouse
beforeAll(async () => {
  house = await startTestHouse({
    plugins: { lamp: { 'index.ts': pluginOf(lamp) }, light: { 'index.ts': light } },
  })
})
afterAll(() => house.stop())

test('whoever opens the house in a browser is led to the page; what else there is not stays closed', async () => {
  const root = await house.request('/', { ...NO_TOKEN, redirect: 'manual' })
  expect([root.status, root.headers.get('Location')]).toEqual([302, '/docs'])
  expect((await house.request('/nothing', NO_TOKEN)).status).toBe(401)
})

test('the page and its files come from this house, for everybody, under a policy that lets nothing else in', async () => {
  const page = await house.request('/docs', NO_TOKEN)
  expect([page.status, page.headers.get('Content-Type')]).toEqual([200, expect.stringContaining('text/html')])
  const policy = page.headers.get('Content-Security-Policy')!
  expect(policy).toStartWith("default-src 'none'")
  expect(policy).not.toContain("script-src 'self' 'unsafe-inline'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(page.headers.get('X-Frame-Options')).toBe('DENY')
  const html = await page.text()
  const files = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, file]) => file!)
  expect(files.length).toBe(2)
  for (const file of files) {
    const response = await house.request(file, NO_TOKEN)
    expect([file, response.status, response.headers.get('X-Content-Type-Options')]).toEqual([
      file,
      200,
      'nosniff',
    ])
    expect(Number(response.headers.get('Content-Length'))).toBeGreaterThan(10_000)
  }
  for (const file of [
    'package.json',
    'index.html',
    '..%2fpackage.json',
    'swagger-ui.css.map',
    '__proto__',
    'constructor',
  ]) {
    expect([file, (await house.request(`/docs/${file}`)).status]).toEqual([
      file,
      file.includes('%') ? 400 : 404,
    ])
  }
})

describe.skipIf(!existsSync(CHROMIUM))('in a browser', () => {
  let browser: Browser
  let page: Page
  const asked: string[] = []
  const complaints: string[] = []
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    page = await browser.newPage()
    page.on('request', (request) => asked.push(request.url()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    await page.goto(`${house.url}/docs`)
    await page.waitForSelector('.opblock')
  }, 30_000)
  afterAll(() => browser?.close())

  test('the page shows the operations of the Core and of the plugins, complains of nothing, and asks nobody else', async () => {
    const operations = await page.locator('.opblock-summary-operation-id').allTextContents()
    expect(operations).toContain('core.getHealth')
    expect(operations).toContain('lamp.getWord')
    expect(complaints).toEqual([])
    expect([
      ...new Set(asked.map((url) => new URL(url).origin).filter((origin) => origin !== 'null')),
    ]).toEqual([house.url])
  })

  test('the page shows the events, those of the plugins and of the Core, with what they carry', async () => {
    const glow = page.locator('#events details', { hasText: 'lamp.glowed' })
    await glow.waitFor()
    expect(await page.locator('#events summary').allTextContents()).toContain('core.started')
    await glow.locator('summary').click()
    expect(await glow.locator('pre').textContent()).toContain('"lumen"')
    // What a plugin writes is text, and never a part of the page.
    expect(await page.locator('#events b').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('an operation is tried out with the token, and answers', async () => {
    await page.click('.authorize.unlocked')
    await page.fill('.auth-container input', house.token)
    await page.click('.auth-btn-wrapper .authorize')
    await page.click('.auth-btn-wrapper .btn-done')
    const operation = page.locator('.opblock', { hasText: 'A word of the lamp' })
    await operation.locator('.opblock-summary-control').click()
    await operation.locator('.btn.execute').click()
    const answer = operation.locator('.live-responses-table .response-col_description pre').first()
    await answer.waitFor()
    expect(await answer.textContent()).toContain('bright')
    expect(complaints).toEqual([])
  })

  test('nothing of the token is left behind in the browser', async () => {
    const kept = await page.evaluate('JSON.stringify([localStorage, sessionStorage, document.cookie])')
    expect(kept).not.toContain(house.token)
  })

  test('a script that is not its own does not run', async () => {
    const ran = page.evaluate(`new Promise((resolve) => {
      addEventListener('securitypolicyviolation', () => resolve('refused'))
      const script = document.createElement('script')
      script.textContent = 'window.injected = true'
      document.body.append(script)
      setTimeout(() => resolve(window.injected ? 'ran' : 'refused'), 500)
    })`)
    expect(await ran).toBe('refused')
  })
})
