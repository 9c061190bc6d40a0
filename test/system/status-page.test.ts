import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Ajv } from 'ajv'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { freePorts } from '../../src/host/file/plain-files.ts'
import type { StatusDocument, TargetStatus } from '../../src/status/status-document.ts'
import { answering, dnsAddress, startAnswering } from '../support/answering-server.ts'
import { overflow, seriousFindings, startBrowser } from '../support/browser.ts'
import { targetOf } from '../support/deployment.ts'
import { startSite } from '../support/site.ts'
import { untilShown } from '../support/until-shown.ts'

const pictures = fileURLToPath(new URL('../artefacts', import.meta.url))
await mkdir(pictures, { recursive: true })

const [port = 0] = await freePorts(1)
const url = `http://127.0.0.1:${port}`
/** The SPKI digest of the TLSA record (3 1 1) of every name; null: no name has one. */
let tlsa: string | null = null
const dns = await startAnswering(
  t,
  ({ name, type }) =>
    type === 'TLSA' && tlsa !== null
      ? answering({
          name,
          type: 'TLSA',
          ttl: 1,
          data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from(tlsa, 'hex') },
        })
      : answering(),
  dnsAddress(),
)
const site = await startSite(
  { drift_watch: '* * * * * *', status: { listen: `127.0.0.1:${port}` } },
  { resolvers: [dns.address] },
)
t.teardown(() => site.close())
const browser = await startBrowser()
t.teardown(() => browser.close())
const agent = site.startAgent()
await finish(await site.request())

t.test('a host whose target is healthy', async (t) => {
  const page = await open(t)

  await t.test('shows that all is well, and what is deployed, on disk and served', async (t) => {
    t.equal(await page.locator('h1').textContent(), 'All is well')
    t.match(
      await page.locator('article').innerText(),
      /Deployed[^]*days left[^]*On disk[^]*Served[^]*Last job: deployed/,
    )
    await page.screenshot({ path: join(pictures, 'healthy.png'), fullPage: true })
  })

  await t.test('is reached and opened with the keyboard alone', async (t) => {
    await page.keyboard.press('Tab')
    t.equal(await page.locator(':focus').textContent(), 'To the targets')
    await page.keyboard.press('Tab')
    t.match(await page.locator(':focus').textContent(), /^Last job/)
    await page.keyboard.press('Enter')

    t.ok(await page.locator('details').evaluate((element) => element.hasAttribute('open')))
    t.match(await page.locator('.steps').innerText(), /material[^]*verify[^]*settle/)
  })

  await t.test('keeps open what is open, and the keyboard where it is, when it refreshes itself', async (t) => {
    const before = await page.locator('#as-of time').getAttribute('datetime')
    await page.clock.fastForward(10_000)
    await page.locator(`#as-of time:not([datetime="${before}"])`).waitFor()

    t.ok(await page.locator('details').evaluate((element) => element.hasAttribute('open')))
    t.match(await page.locator(':focus').textContent(), /^Last job/)
  })
})

t.test('a page without script shows the same', async (t) => {
  const page = await open(t, { javaScriptEnabled: false })

  t.equal(await page.locator('h1').textContent(), 'All is well')
  t.match(await page.locator('#as-of').innerText(), /reload the page/)
})

t.test('a target that somebody changed is shown as drifting, in the dark, on a phone', async (t) => {
  const { certPath, keyPath } = site.daemon
  const deployed = await Promise.all([certPath, keyPath].map((path) => readFile(path, 'utf8')))
  await swap([site.oldPair.certificatePem, site.oldPair.keyPem])
  await agent.waitFor(({ msg, reasons }) => msg === 'drift' && String(reasons).includes('serves another leaf'))
  await untilShown(url, ({ state }) => state === 'drifting')
  const page = await open(t, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' })

  t.equal(await page.locator('h1').textContent(), '1 target drifting')
  t.match(await page.locator('.problems').innerText(), /is not what was deployed/)
  t.equal(await overflow(page), 0)
  await page.screenshot({ path: join(pictures, 'drifting.png'), fullPage: true })
  await swap(deployed)
  await agent.waitFor(({ msg }) => msg === 'drift mended')
  await untilShown(url, ({ state }) => state === 'healthy')
})

t.test(
  'TLSA records are shown as the drift watch saw them: which stands for the live pair, and what to publish',
  async (t) => {
    const { deployed } = await targetNow()
    const live = deployed?.spkiSha256 ?? ''
    const foreign = 'ab'.repeat(32)
    tlsa = live
    await untilShown(url, ({ dane }) => dane.length > 0 && dane.every(({ state }) => state === 'matches'))
    const good = await open(t)

    t.equal(await good.locator('h1').textContent(), 'All is well')
    t.match(
      await good.locator('table[aria-label^="DANE"]').innerText(),
      /_tcp\.mail\.example\.net[^]*3 1 1 \w+… \(the live pair\)[^]*matches/,
    )
    t.match((await targetNow()).dane[0]?.published, [{ value: `3 1 1 ${live}`, matches: true }])
    tlsa = foreign
    await untilShown(url, ({ dane, state }) => state === 'drifting' && dane.every((one) => one.state === 'mismatch'))
    const bad = await open(t, { viewport: { width: 360, height: 740 } })

    t.equal(await bad.locator('h1').textContent(), '1 target drifting')
    t.match(
      await bad.locator('.problems').first().innerText(),
      /No TLSA record of \S+ matches the live pair[^]*Publish: _\d+\._tcp\.mail\.example\.net\. IN TLSA 3 1 1/,
    )
    t.equal(await overflow(bad), 0)
    await bad.screenshot({ path: join(pictures, 'dane.png'), fullPage: true })
    const metrics = await (await request(`${url}/metrics`)).body.text()
    t.match(metrics, /^waxseal_tlsa_matches\{.*owner="_\d+\._tcp\.mail\.example\.net"\} 0$/m)
    tlsa = null
    await untilShown(url, ({ dane, state }) => state === 'healthy' && dane.length === 0)
  },
)

t.test('a failed deployment is shown with its code, and what is now true of the host', async (t) => {
  const config = { ...targetOf(site.daemon), reload_command: 'false' }
  const failing = await site.operator.addTarget({
    name: '<img src=x onerror=alert(1)>',
    agent_id: site.agentId,
    type: 'Postfix',
    config,
  })
  await finish(await site.request([failing]))
  const page = await open(t)
  await page.locator('summary').first().click()

  t.match(await page.locator('h1').textContent(), /1 target failed/)
  t.match(await page.locator('article.bad').first().innerText(), /everything was put back[^]*ACTIVATE_FAILED/)
  await page.screenshot({ path: join(pictures, 'failed.png'), fullPage: true })
})

t.test('what the endpoint gives out is valid by its schema, and holds no secret', async (t) => {
  const paths = ['/', '/status', '/metrics', '/readyz', '/healthz', '/status.schema.json', '/page.js', '/page.css']
  const texts = await Promise.all(paths.map(async (path) => (await request(`${url}${path}`)).body.text()))
  const credential = (await readFile(join(site.dir, 'credential'), 'utf8')).trim()
  const keyLines = (await readFile(site.daemon.keyPath, 'utf8'))
    .split('\n')
    .filter((line) => /^[A-Za-z0-9+/=]{20,}$/.test(line))
  const validate = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(texts[5] ?? '') as object)

  t.ok(validate(JSON.parse(texts[1] ?? '')), JSON.stringify(validate.errors))
  t.ok(keyLines.length > 1 && credential.length > 10)
  for (const secret of [credential, ...keyLines, 'PRIVATE KEY'])
    t.same(
      paths.filter((_, index) => texts[index]?.includes(secret)),
      [],
    )
  t.match(texts[2], /^waxseal_deployments_total\{connector="postfix",outcome="deployed"\} 1$/m)
  t.notMatch(agent.lines.map((line) => JSON.stringify(line)).join('\n'), /"dropped"/)
})

t.test('every line of a job carries its id, from begin to report', async (t) => {
  const job = agent.lines.find(({ step }) => step === 'commit')?.['job']
  const lines = agent.lines.filter((line) => line['job'] === job).map(({ msg, step }) => step ?? msg)

  t.match(lines.join(' '), /job begins.*material.*commit.*verify.*settle.*deployment ends.*reported/)
})

t.test('an agent that is gone is told on the page', async (t) => {
  const page = await open(t)
  agent.kill('SIGTERM')
  await agent.exited
  await page.clock.fastForward(10_000)
  await page.locator('#stale').waitFor({ state: 'visible' })

  t.match(await page.locator('#stale').textContent(), /does not answer/)
})

async function targetNow(): Promise<TargetStatus> {
  const { targets } = (await (await request(`${url}/status`)).body.json()) as StatusDocument
  const [target] = targets
  if (target === undefined) throw new Error('no target is shown')
  return target
}

/** Opens the page; at its end nothing of ours was blocked, nothing failed, and axe-core has nothing serious to say. */
async function open(t: Test, options: Parameters<typeof browser.newContext>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  const hasScript = options.javaScriptEnabled !== false
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  if (hasScript) await page.clock.install()
  await page.goto(url)
  t.teardown(() => context.close())
  t.same(complaints, [])
  if (hasScript) {
    t.same(await seriousFindings(page), [])
    await page.emulateMedia({ colorScheme: options.colorScheme === 'dark' ? 'light' : 'dark' })
    t.same(await seriousFindings(page), [], 'in the other colours')
    await page.emulateMedia({ colorScheme: options.colorScheme ?? 'light' })
  }
  return page
}

/** What a person would do: both files, then the reload. */
async function swap([certificatePem = '', keyPem = '']: readonly string[]): Promise<void> {
  const { certPath, keyPath, reload } = site.daemon
  await writeFile(certPath, certificatePem)
  await writeFile(keyPath, keyPem)
  const [program, ...args] = reload
  await promisify(execFile)(program, args)
}

async function finish(certificate: string): Promise<void> {
  const jobs = async (): Promise<readonly string[]> =>
    (await site.operator.jobs())
      .filter(({ certificate_id: id, type }) => id === certificate && type === 'Deployment')
      .map(({ id }) => id)
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
  const ids = await jobs()
  await untilShown(url, ({ lastJob }) => lastJob?.job === ids[0])
  t.equal(ids.length, 1)
}
