import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { request } from 'undici'
import { openDocumentFolder } from '../../src/host/file/folder/document-folder.ts'
import { freePorts } from '../../src/host/file/plain-files.ts'
import { limits } from '../../src/limit/limits.ts'
import type { StatusDocument } from '../../src/status/status-document.ts'
import { statusSchema } from '../../src/status/status-schema.ts'
import { onTerminal } from '../support/on-terminal.ts'
import type { LogLine } from '../support/process.ts'
import { jsonOf, type Ran, runWaxseal } from '../support/run-waxseal.ts'
import { startSite } from '../support/site.ts'
import { until } from '../support/until.ts'
import { untilShown } from '../support/until-shown.ts'

const [port = 0] = await freePorts(1)
const site = await startSite({ status: { listen: `127.0.0.1:${port}` } })
t.teardown(() => site.close())
const config = join(site.dir, 'waxseal.yaml')
const waxseal = (...args: readonly string[]): Promise<Ran> => runWaxseal([...args, '--config', config])
const isStatus = new Ajv({ allowUnionTypes: true }).compile<StatusDocument>(statusSchema)

const agent = site.startAgent()
await site.request()
const ended = ({ msg, report, final }: LogLine): boolean => msg === 'reported' && report === 'status' && final === true
const { job } = await agent.waitFor(ended)
await untilShown(`http://127.0.0.1:${port}`, ({ lastJob }) => lastJob?.job === job)

t.test('status asks the agent: a table for people, one document for programs', async (t) => {
  const [text, json] = [await waxseal('status'), await waxseal('status', '--json')]

  t.match(text, { status: 0, stderr: '', stdout: /: running, ready\n/ })
  t.match(text.stdout, /^postfix {2}postfix {2}healthy {2}46 +3\/3 +deployed, /m)
  t.notMatch(text.stdout, '\u{1b}')
  t.ok(isStatus(jsonOf(json)), JSON.stringify(isStatus.errors))
})

t.test('what the operator calls a target is what every command shows and takes, beside its id', async (t) => {
  const metrics = await (await request(`http://127.0.0.1:${port}/metrics`)).body.text()
  const page = await (await request(`http://127.0.0.1:${port}/`)).body.text()

  t.match(
    agent.lines.find(({ msg }) => msg === 'deployment ends'),
    { target: site.targetId, name: 'postfix' },
  )
  t.match(jsonOf(await waxseal('status', '--json')), { targets: [{ target: site.targetId, name: 'postfix' }] })
  t.match(page, />postfix <span class="soft">postfix<[^]*<code>target-/)
  t.match(metrics, new RegExp(`^waxseal_target_healthy\\{target="${site.targetId}",name="postfix"\\} 1$`, 'm'))
  for (const target of ['postfix', site.targetId]) {
    t.match(await waxseal('verify', target), { status: 0, stdout: /^postfix: as it was deployed/ }, target)
    t.match(await waxseal('history', target), { status: 0, stdout: / postfix +deployed [^]* postfix +2 / }, target)
    t.match(await waxseal('rollback', target, '--to', '99'), { status: 2, stderr: /generations: 2, 1/ }, target)
  }
  t.match((await waxseal('check')).stdout, /ok +target postfix: as it was deployed/)
  t.match(await waxseal('forget', 'postfxi'), { status: 2, stderr: /^waxseal: TARGET_UNKNOWN.*Is postfix meant\?/ })
})

t.test('colours are for terminals, and not for those who set NO_COLOR', async (t) => {
  const bright = await onTerminal(['status', '--config', config])
  const plain = await onTerminal(['status', '--config', config], { NO_COLOR: '1' })

  t.match(bright, '\u{1b}[32mhealthy\u{1b}[0m')
  t.match(plain, 'healthy')
  t.notMatch(plain, '\u{1b}')
})

t.test('keys says which key is which by their digests, with the target that uses it, and shows none', async (t) => {
  const [text, json] = [await waxseal('keys'), await waxseal('keys', '--json')]
  const folder = join(site.dir, 'state/keys')
  const files = await readdir(folder)
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
  const keyLines = texts.flatMap((pem) => pem.split('\n')).filter((line) => /^[A-Za-z0-9+/=]{20,}$/.test(line))
  const { keys } = jsonOf<{ readonly keys: readonly { readonly spkiSha256: string; readonly use: string }[] }>(json)

  t.same(keys.map(({ spkiSha256 }) => `${spkiSha256}.pem`).toSorted(), files.toSorted())
  const rows = new Map(keys.map((key) => [key.use, key]))
  const shared = { kind: 'p256', certificates: ['mail.example.net'], problem: null }
  t.match(rows.get('current'), { ...shared, targets: [site.targetId], names: ['postfix'] })
  t.match(rows.get('next'), { ...shared, targets: [], names: [] })
  t.match(text, { status: 0, stdout: / p256 +current +20\S+ +mail\.example\.net +postfix$/m, stderr: '' })
  t.match(text, { stdout: / p256 +next +20\S+ +mail\.example\.net +-$/m })
  t.ok(keyLines.length > 1)
  for (const line of keyLines) t.notMatch(text.stdout + json.stdout, line)
})

t.test('check looks at policy, keys, clock and service, and says what to do', async (t) => {
  const { findings } = jsonOf<{ readonly findings: readonly { readonly what: string }[] }>(
    await waxseal('check', '--json'),
  )
  t.match(
    new Map(findings.map((finding) => [finding.what, finding])),
    new Map(['policy', 'keys', 'clock'].map((what) => [what, { what, verdict: 'ok' }])),
  )

  await chmod(site.daemon.keyPath, 0o644)
  t.teardown(() => chmod(site.daemon.keyPath, 0o600))

  t.match(await waxseal('check'), { status: 1, stdout: `Every user may read ${site.daemon.keyPath}: chmod o= ` })
})

t.test(
  'check fails while the first deployment of a target has failed, though nothing of it is there to compare',
  async (t) => {
    const target = {
      name: 'deaf',
      agent_id: site.agentId,
      type: 'Postfix',
      config: { ...((await site.operator.targets())[0]?.['config'] as object), validate_command: 'false' },
    }
    await site.request([await site.operator.addTarget(target)])
    const { reason } = await agent.waitFor(({ msg, code }) => msg === 'deployment ends' && code !== null)

    const ran = await waxseal('check')

    t.match(reason, /false/)
    t.match(ran, {
      status: 1,
      stdout:
        /failed +target deaf: no deployment to it has succeeded yet: the deployment of \S+ was \S+: (\w+) \(waxseal explain \1\); waxseal history deaf/,
    })
  },
)

t.test('a job that a limit holds back is told with what it waits for, and until when', async (t) => {
  const path = join(site.dir, 'state/reloads')
  const reloads = await openDocumentFolder<object>({ path, schema: { type: 'object' }, isShared: true })
  const counts = await reloads.list()
  const now = Date.now()
  for (const { id } of counts)
    await reloads.put(id, { times: Array.from({ length: limits.reloadsPerHour.most }, () => now) })
  await site.request()
  const { job: held } = await agent.waitFor(({ msg }) => msg === 'job put off')
  // Each try is shown as what is running, for a moment.
  const waits = async (read: () => Promise<string>): Promise<string> => {
    for (;;) {
      const said = await read()
      if (said.includes('LIMIT_EXCEEDED')) return said
    }
  }
  const text = await waits(async () => (await waxseal('status')).stdout)
  const json = await waits(async () => (await waxseal('status', '--json')).stdout)
  const page = await waits(async () => (await request(`http://127.0.0.1:${port}/`)).body.text())

  const room = new Date(now + 3_600_000).toISOString()
  t.match(JSON.parse(json), {
    inbox: 1,
    waiting: [
      { job: held, kind: 'deployment', name: 'postfix', waitsFor: 'try', code: 'LIMIT_EXCEEDED', reason: room },
    ],
  })
  t.match(
    text,
    new RegExp(`^ {2}postfix \\(deployment ${String(held)}\\): was put off.*LIMIT_EXCEEDED: .*${room}`, 'm'),
  )
  t.match(page, new RegExp(`<li>postfix \\(deployment ${String(held)}\\): was put off.*LIMIT_EXCEEDED`))
  for (const { id, document } of counts) await reloads.put(id, document)
  await agent.waitFor(({ msg, job, final }) => msg === 'reported' && job === held && final === true)
  await until(async () => jsonOf<StatusDocument>(await waxseal('status', '--json')).waiting.length === 0)
})

t.test('a configuration that is no longer valid makes the agent not ready', async (t) => {
  const text = await readFile(config, 'utf8')
  await writeFile(config, 'nonsense: 1\n')
  agent.kill('SIGHUP')
  await agent.waitFor(({ msg }) => msg === 'configuration kept: the new one is not valid')
  await writeFile(config, text)

  t.match(jsonOf(await waxseal('status', '--json')), {
    ready: false,
    warnings: [/CONFIG_INVALID|not valid/, /drift_watch/],
  })
  agent.kill('SIGHUP')
  await agent.waitFor(({ msg }) => String(msg).startsWith('configuration read again'))
  t.match(jsonOf(await waxseal('status', '--json')), { ready: true })
})

t.test('status reads what the deployer wrote down where no agent answers, and says so', async (t) => {
  agent.kill('SIGTERM')
  await agent.exited

  const [text, json] = [await waxseal('status'), await waxseal('status', '--json')]

  t.match(text, { status: 1, stdout: /down, not ready\n {2}No agent answers\. This is what was last written down\./ })
  t.match(text.stdout, /^postfix {2}postfix {2}healthy/m)
  t.match(jsonOf(json), { phase: 'down', inbox: 0, outbox: 0 })
})
