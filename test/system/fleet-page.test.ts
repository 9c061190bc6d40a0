import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { overflow, seriousFindings, startBrowser } from '../support/browser.ts'
import { openTestControlPlane } from '../support/control-plane.ts'
import { fillFleet } from '../support/fleet-data.ts'

const pictures = fileURLToPath(new URL('../artefacts', import.meta.url))
await mkdir(pictures, { recursive: true })

const dataDir = t.testdir({})
await fillFleet(dataDir, { hosts: 10_000, jobs: 100_000, now: Date.now() })
const plane = await openTestControlPlane(t, { dataDir, now: Date.now })
const token = await plane.operator.addOperator('ann', 'reader')
const browser = await startBrowser()
t.teardown(() => browser.close())
const complaints: string[] = []
const sections = ['Hosts', 'Certificates', 'Failures', 'Drift', 'DANE', 'Matters', 'Roll-outs', 'Found'] as const

t.test('a person signs in with the keyboard alone, and comes to the page that was asked for', async (t) => {
  const { page } = await openContext(t)
  await page.goto(`${plane.url}/fleet/hosts?state=silent`)
  t.match(await page.locator('h1').innerText(), /Sign in/)
  await page.screenshot({ path: join(pictures, 'fleet-sign-in.png') })

  t.equal(await page.locator(':focus').getAttribute('id'), 'token')
  await page.keyboard.type('wxo_wrong')
  await page.keyboard.press('Enter')
  t.match(await page.locator('[role=alert]').innerText(), /no token of an operator/)
  t.same(await seriousFindings(page), [])
  await page.keyboard.type(token)
  await page.keyboard.press('Enter')

  await page.locator('table').waitFor()
  t.equal(page.url(), `${plane.url}/fleet/hosts?state=silent`)
  t.match(await page.locator('.viewer').innerText(), /ann \(reader\)/)
})

t.test('the cookie is one that no script reads', async (t) => {
  const { page, context } = await signedIn(t)

  t.match(await context.cookies(), [
    { name: '__Host-waxseal', httpOnly: true, secure: true, sameSite: 'Strict', path: '/', expires: -1 },
  ])
  t.equal(await page.evaluate('document.cookie'), '')
})

t.test('each page is clean by axe-core, in light and in dark, wide and on a phone', async (t) => {
  for (const [name, viewport] of [
    ['wide', { width: 1280, height: 900 }],
    ['phone', { width: 375, height: 740 }],
  ] as const) {
    const { page } = await signedIn(t, { viewport })
    for (const section of ['Overview', ...sections] as const) {
      await page.locator('nav').getByRole('link', { name: section, exact: true }).click()
      await page.locator(`nav a[aria-current=page]:text-is("${section}")`).waitFor()
      t.same(await seriousFindings(page), [], `${section}, ${name}`)
      await page.screenshot({ path: join(pictures, `fleet-${section.toLowerCase()}-${name}.png`) })
      await page.emulateMedia({ colorScheme: 'dark' })
      // Colours do not change with the width.
      if (name === 'wide') t.same(await seriousFindings(page), [], `${section}, ${name}, dark`)
      await page.screenshot({ path: join(pictures, `fleet-${section.toLowerCase()}-${name}-dark.png`) })
      await page.emulateMedia({ colorScheme: 'light' })
      t.equal(await overflow(page), 0, `${section}, ${name}`)
    }
  }
})

t.test('the overview counts all, and each count leads to what it counted', async (t) => {
  const { page } = await signedIn(t)
  const numbers = await page.locator('section[aria-labelledby=hosts] .number').allInnerTexts()
  const total = numbers.reduce((sum, number) => sum + Number(number.replaceAll(',', '')), 0)

  t.equal(total, 10_000)
  await page.getByRole('link', { name: 'Retired' }).click()
  t.equal(page.url(), `${plane.url}/fleet/hosts?state=retired`)
  t.match(await page.locator('tbody tr').first().innerText(), /mail-00200[^]*Retired/)
})

t.test('a list is read to its end by its links, and each row is on one part', async (t) => {
  const { page } = await signedIn(t)
  await page.goto(`${plane.url}/fleet/hosts?state=silent`)
  const names: string[] = []
  for (;;) {
    names.push(...(await page.locator('tbody tr strong').allInnerTexts()))
    const next = page.getByRole('link', { name: 'Next rows' })
    if ((await next.count()) === 0) break
    await next.click()
  }

  t.equal(names.length, new Set(names).size)
  t.equal(names.length, Array.from({ length: 10_000 }, (_, index) => index + 1).filter(isSilent).length)
  t.same(names, names.toSorted())
})

t.test('a roll-out that stopped is in the overview, with its reason, and leads to what failed', async (t) => {
  const { page } = await signedIn(t)
  t.match(await page.locator('section[aria-labelledby=rollouts]').innerText(), /november, wave 2[^]*Stopped[^]*2 hosts/)
  await page.getByRole('link', { name: 'november' }).click()
  await page.getByLabel('State', { exact: true }).selectOption('failed')
  await page.getByRole('button', { name: 'Show' }).click()

  await page.locator('h1:text-is("Roll-out november")').waitFor()
  const rows = page.locator('table[aria-label="Roll-out november"] tbody tr')
  t.ok((await rows.count()) > 0)
  t.match(await rows.first().innerText(), /Failed[^]*VERIFY_FAILED/)
  t.same(await seriousFindings(page), [])
  await page.screenshot({ path: join(pictures, 'fleet-roll-out-wide.png') })
})

t.test('a host is opened from a list, and its page is clean, in light and in dark, wide and on a phone', async (t) => {
  for (const viewport of [
    { width: 1280, height: 900 },
    { width: 375, height: 740 },
  ]) {
    const { page } = await signedIn(t, { viewport })
    await page.goto(`${plane.url}/fleet/hosts?state=silent`)
    const link = page.locator('tbody tr strong a').first()
    const name = await link.innerText()
    await link.click()
    await page.locator(`h1:text-is("Host ${name}")`).waitFor()
    t.ok((await page.locator('tbody tr').count()) >= 3, 'certificates and targets')
    t.same(await seriousFindings(page), [])
    t.equal(await overflow(page), 0)
    await page.screenshot({ path: join(pictures, `fleet-host-${viewport.width}.png`) })
    await page.emulateMedia({ colorScheme: 'dark' })
    t.same(await seriousFindings(page), [], 'dark')

    await page.locator('nav').getByRole('link', { name: 'Failures', exact: true }).click()
    t.equal(page.url(), `${plane.url}/fleet/failures?host=${name}`, 'the menu keeps the host')
  }
})

t.test(
  'the page of a host has its TLSA records, and is clean, in light and in dark, wide and on a phone',
  async (t) => {
    for (const viewport of [
      { width: 1280, height: 900 },
      { width: 375, height: 740 },
    ]) {
      const { page } = await signedIn(t, { viewport })
      await page.goto(`${plane.url}/fleet/dane`)
      await page.locator('tbody tr').first().getByRole('link').click()
      const text = await page.locator('table[aria-label="TLSA records"]').innerText()
      t.match(text, /usable[^]*Publish: _25\._tcp\.mail-00097\.example\.net\. IN TLSA 3 1 1 (ef){32}/)
      t.same(await seriousFindings(page), [])
      t.equal(await overflow(page), 0)
      await page.screenshot({ path: join(pictures, `fleet-host-dane-${viewport.width}.png`) })
      await page.emulateMedia({ colorScheme: 'dark' })
      t.same(await seriousFindings(page), [], 'dark')

      await page.getByRole('link', { name: 'What wants a person on it' }).click()
      t.equal(page.url(), `${plane.url}/fleet/matters?host=mail-00097`)
      t.match(await page.locator('tbody tr').innerText(), /DANE_PUBLISH[^]*not told yet/)
    }
  },
)

t.test('a filter is filled, sent and shown again', async (t) => {
  const { page } = await signedIn(t)
  await page.getByRole('link', { name: 'Certificates', exact: true }).click()
  await page.getByLabel('Of the host', { exact: true }).fill('mail-00042')
  await page.keyboard.press('Enter')

  await page.locator('tbody tr').first().waitFor()
  t.equal(await page.locator('tbody tr').count(), 1)
  t.match(await page.locator('tbody tr').innerText(), /mail-00042\.example\.net/)
  t.equal(await page.getByLabel('Of the host', { exact: true }).inputValue(), 'mail-00042')
})

t.test('what a hostile host sends is text to a browser, and no wider than its window', async (t) => {
  const name = `<img src=x onerror=alert(1)>${'x'.repeat(200)}`
  const agent = await plane.enroll(name)
  const wanted = { agent_id: agent.id, common_name: `${'y'.repeat(200)}.example.net` }
  const { job_id } = await plane.operator.requestCertificate(wanted)
  await agent.work()
  await agent.post(`/jobs/${job_id}/status`, { status: 'Failed', error: `KEY_MISSING: <b>${'z'.repeat(5000)}` })
  const host = encodeURIComponent(name)

  for (const viewport of [
    { width: 1280, height: 900 },
    { width: 375, height: 740 },
  ]) {
    const { page } = await signedIn(t, { viewport })
    for (const path of ['hosts?text=onerror', `certificates?host=${host}`, `failures?host=${host}`]) {
      await page.goto(`${plane.url}/fleet/${path}`)
      t.equal(await page.locator('tbody tr').count(), 1, path)
      t.equal(await page.locator('img, b').count(), 0, path)
      t.equal(await overflow(page), 0, `${path}, ${viewport.width}`)
    }
  }
})

t.test('who signs out sees the form, and the way back shows nothing', async (t) => {
  const { page, context } = await signedIn(t)
  await page.getByRole('link', { name: 'Hosts', exact: true }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()

  await page.locator('#token').waitFor()
  t.same(await context.cookies(), [])
  await page.goBack()
  t.match(await page.locator('h1').innerText(), /Sign in/)
})

t.test('no browser blocked anything by the policy of a page, and nothing failed but sign-ins', async (t) => {
  const others = complaints.filter((text) => !/status of 401/.test(text))

  t.same(others, [])
  t.ok(complaints.length > 0, 'it hears what a console says')
})

/** As `fillFleet` has it. */
function isSilent(number: number): boolean {
  return number % 97 === 0 && number % 331 !== 0 && number % 200 !== 0
}

interface Opened {
  readonly page: Page
  readonly context: BrowserContext
}

async function openContext(t: Test, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, context }
}

async function signedIn(t: Test, options: BrowserContextOptions = {}): Promise<Opened> {
  const opened = await openContext(t, options)
  await opened.page.goto(`${plane.url}/fleet`)
  await opened.page.getByLabel('Token of an operator').fill(token)
  await opened.page.getByRole('button', { name: 'Sign in' }).click()
  await opened.page.locator('nav').waitFor()
  return opened
}
