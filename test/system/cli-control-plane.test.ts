import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openControlPlane } from '../../src/control-plane/open-control-plane.ts'
import { register } from '../../src/control-plane/register.ts'
import { makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import type { OperatorJob } from '../../src/server/client/operator-client.ts'
import { newCsr } from '../support/csr.ts'
import { startWaxseal } from '../support/process.ts'
import { jsonOf, type Ran, runWaxseal, serveControlPlane } from '../support/run-waxseal.ts'
import { until } from '../support/until.ts'

const dir = await makeTemporaryFolder('waxseal-cli-control-plane-')
const controlPlane = await serveControlPlane(dir)
const { operate, url } = controlPlane
const ca = await readFile(controlPlane.caFile, 'utf8')
const targetFile = join(dir, 'target.json')
const config = { cert_path: '/etc/postfix/cert.pem', key_path: '/etc/postfix/key.pem' }
await writeText(targetFile, JSON.stringify(config))
t.teardown(async () => {
  await controlPlane.close()
  await removeTree(dir)
})

type Row = Readonly<Record<string, unknown>>
type Ids = Readonly<Record<string, string>>

t.test('serve says where it listens, where its CA is and what comes next', async (t) => {
  const dataDir = join(dir, 'second')
  const server = startWaxseal(['control-plane', 'serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0'])

  await server.waitFor(({ text }) => String(text).startsWith('Next: waxseal control-plane token'))
  server.kill('SIGTERM')

  t.equal(await server.exited, 0)
  t.match(server.lines[0]?.['text'], `its CA is ${join(dataDir, 'ca.pem')}`)
  t.match(server.lines[0]?.['text'], /listens at https:\/\/127\.0\.0\.1:\d+;/)
})

t.test('token prints a token that registers an agent, and agents lists it', async (t) => {
  const printed = await operate('token')
  const token = /^(wxt_\S+)\n$/.exec(printed.stdout)?.[1] ?? ''

  const { agentId } = await register({ url, ca, credential: token }, 'by-token', hostFacts('0.0.0'))

  const listed = await operate('agents')
  t.match(listed, { status: 0, stdout: /^by-token +\S+ +active +- +-$/m, stderr: '' })
  t.notMatch(listed.stdout, token)
  t.match(await rows('agents'), [{ id: agentId, name: 'by-token', status: 'active' }])
})

t.test('add-target adds a target that targets lists with its configuration', async (t) => {
  const agent = await newAgent('has-targets')
  const add = ['add-target', '--agent', agent.id, '--type', 'Postfix', '--target-config', targetFile]

  const human = await operate(...add, '--name', 'first')
  const { id } = jsonOf(await operate(...add, '--name', 'second', '--json'))

  t.match(human, { status: 0, stdout: /^id=target-\w+\n$/ })
  t.match((await rows('targets')).filter(isOf(agent.id)), [{ name: 'first' }, { id, name: 'second', config }])
  t.match(await operate('targets'), { status: 0, stdout: /^second +has-targets +Postfix +- +- +-$/m })
})

t.test('targets shows what an agent found not to be as it was deployed', async (t) => {
  const agent = await newAgent('drifts')
  const add = ['add-target', '--agent', agent.id, '--type', 'Postfix', '--target-config', targetFile]
  const { id: target = '' } = jsonOf<Ids>(await operate(...add, '--name', 'drifting', '--json'))
  const client = openControlPlane({ url, ca, agentId: agent.id, credential: agent.credential })
  t.teardown(() => client.close())
  const at = '2026-05-01T10:00:00.000Z'

  await client.reportDrift([{ target, at, reasons: ['/a is gone.'] }])

  const drift = { since: at, reasons: ['/a is gone.'] }
  t.match((await rows('targets')).filter(isOf(agent.id)), [{ id: target, drift }])
  t.match(await operate('targets'), { status: 0, stdout: /^drifting +drifts +Postfix .*\/a is gone\.$/m })
})

t.test('request, jobs and job show an issuance', async (t) => {
  const agent = await newAgent('has-jobs')
  const requested = await operate('request', '--agent', agent.id, '--cn', 'mail.example.net', '--json')

  const { certificate_id: certificate, job_id: job = '' } = jsonOf<Ids>(requested)
  t.match((await rows('jobs')).filter(isOf(agent.id)), [{ id: job, type: 'Issuance', certificate_id: certificate }])
  const listed = await operate('jobs')
  t.match(listed, { status: 0, stdout: /^20\S+ +Issuance +AwaitingCSR +has-jobs +- +mail\.example\.net +-$/m })
  t.notMatch(listed.stdout, /job-|agent-|cert-/)
  t.match((await operate('jobs', '--wide')).stdout, new RegExp(` ${job} +${certificate}$`, 'm'))
  t.match(jsonOf<OperatorJob>(await operate('job', job)), { id: job, status: 'AwaitingCSR' })
  t.match(jsonOf<OperatorJob>(await operate('job', job, '--json')), { id: job })
})

t.test('deploy adds a deployment to the jobs', async (t) => {
  const agent = await newAgent('is-deployed-to')
  const add = ['add-target', '--agent', agent.id, '--type', 'Postfix', '--target-config', targetFile]
  const { id: target } = jsonOf<Ids>(await operate(...add, '--name', 'postfix', '--json'))
  const waiting = jsonOf<Ids>(await operate('request', '--agent', agent.id, '--cn', 'mail.example.net', '--json'))
  const toWaiting = await operate('deploy', '--certificate', waiting['certificate_id'] ?? '', '--target', target ?? '')
  const certificate = await signed(agent, 'mail.example.net')

  const human = await operate('deploy', '--certificate', certificate, '--target', target ?? '')
  const asJson = await operate('deploy', '--certificate', certificate, '--target', target ?? '', '--json')

  refused(t, toWaiting, /not signed|no version/)
  t.match(human, { status: 0, stdout: /^job_id=job-\w+\n$/ })
  const { job_id: id } = jsonOf<Ids>(asJson)
  t.match(
    (await rows('jobs')).find((job) => job['id'] === id),
    { type: 'Deployment', target_id: target },
  )
})

t.test('ca makes the next CA in a folder, says when it signs, and what to do', async (t) => {
  const dataDir = join(dir, 'has-a-ca')
  const server = startWaxseal(['control-plane', 'serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0'])
  await server.waitFor(({ text }) => String(text).startsWith('Next: waxseal control-plane token'))
  const ca = (...args: string[]) => runWaxseal(['control-plane', 'ca', ...args])
  t.match(await ca('next', '--ca-dir', dataDir), { status: 1, stderr: /STATE_BUSY/ })
  server.kill('SIGTERM')
  await server.exited

  const made = await ca('next', '--ca-dir', dataDir)
  t.match(made, { status: 0, stdout: /^CA +STATE +SIGNS FROM .*\n\w+ +signs +- .*\n\w+ +next +20\S+ +20/ })
  t.match(made.stdout, /Give ca\.pem and ca\.key to every server, and start each anew, long before 20\d\d-/)
  const shown = jsonOf<readonly Row[]>(await ca('show', '--ca-dir', dataDir, '--json'))
  t.match(shown, [{ state: 'signs' }, { state: 'next' }])
  t.match(await ca('next', '--ca-dir', dataDir), { status: 2, stderr: /there already/ })
  t.match(await ca('retire', '--ca-dir', dataDir), { status: 2, stderr: /no CA has ended/ })
  t.match(await ca('show', '--ca-dir', join(dir, 'nowhere')), { stderr: /CA_MISSING/ })
  t.match(await ca('show'), { status: 2, stderr: /--ca-dir/ })
})

t.test('jobs says where a cancellation waits for its agent, and end is for a host that is gone', async (t) => {
  const agent = await newAgent('has-a-lease')
  const certificate = await signed(agent, 'leased.example.net')
  const client = openControlPlane({ url, ca, agentId: agent.id, credential: agent.credential })
  t.teardown(() => client.close())
  await client.heartbeat(hostFacts('0.0.0'))
  const add = ['add-target', '--agent', agent.id, '--type', 'Postfix', '--target-config', targetFile]
  await operate(...add, '--name', 'leased')
  const { job_id: job = '' } = jsonOf<Ids>(
    await operate('deploy', '--certificate', certificate, '--target', 'leased', '--json'),
  )
  await client.work()

  t.match(await operate('cancel', job), { status: 0, stdout: /status=(Pending|Running)\n$/ })
  const listed = await operate('jobs', '--target', 'leased')
  t.match(listed.stdout, /Deployment +(Pending|Running), cancel requested +has-a-lease/)
  t.match(listed.stdout, /If the host is gone for good: waxseal control-plane end JOB\./)
  refused(t, await operate('end', job), /its agent was heard \d+ s ago/)
})

t.test('an agent and a target are known by their names, too', async (t) => {
  const agent = await newAgent('mail')
  const add = ['add-target', '--agent', 'mail', '--type', 'Postfix', '--target-config', targetFile]
  const { id: target } = jsonOf<Ids>(await operate(...add, '--name', 'mail-postfix', '--json'))

  const certificate = await signed(agent, 'a.example', '--deploy-to', 'mail-postfix')
  const { job_id: id } = jsonOf<Ids>(
    await operate('deploy', '--certificate', certificate, '--target', 'mail-postfix', '--json'),
  )

  t.match(
    (await rows('jobs')).find((job) => job['id'] === id),
    { target_id: target, agent_id: agent.id },
  )
  t.match(await operate('validate', 'mail-postfix'), { status: 0, stdout: /^job_id=job-\w+\n$/ })
  t.match(await operate('retire', 'mail'), { status: 0 })
})

t.test('a target is changed by --replace alone, and keeps its id', async (t) => {
  const agent = await newAgent('changes-its-mind')
  const add = ['add-target', '--agent', agent.id, '--type', 'Postfix', '--name', 'changed', '--json', '--target-config']
  const other = join(dir, 'other.json')
  await writeText(other, JSON.stringify({ ...config, endpoints: ['127.0.0.1:25'] }))
  const { id } = jsonOf<Ids>(await operate(...add, targetFile))

  refused(t, await operate(...add, other), /a target of this name is there; add-target --replace changes it/)
  t.same(jsonOf(await operate(...add, other, '--replace')), { id })
  const stranger = await newAgent('wants-the-target')
  const steal = ['add-target', '--agent', stranger.id, '--type', 'Postfix', '--name', 'changed', '--replace']
  refused(t, await operate(...steal, '--target-config', other), /is one of another agent/)

  t.match((await rows('targets')).filter(isOf(agent.id)), [{ id, config: { endpoints: ['127.0.0.1:25'] } }])
})

t.test('a name that would spoil a terminal or a log is refused before it is anywhere', async (t) => {
  const agent = await newAgent('names-badly')
  const add = ['add-target', '--agent', agent.id, '--type', 'Postfix', '--target-config', targetFile]

  for (const name of ['a\u{1b}[2J', 'a\nb', ' a', 'a\u{202e}b', 'x'.repeat(129)])
    refused(t, await operate(...add, '--name', name), /body\/name/)
})

t.test(
  'a type or a field that no connector knows is refused with the nearest one, and taken as it is by --unchecked',
  async (t) => {
    const agent = await newAgent('mistypes')
    const odd = join(dir, 'odd.json')
    await writeText(odd, JSON.stringify({ ...config, crt_path: '/a' }))
    const add = ['add-target', '--agent', 'mistypes', '--name', 'typo']

    refused(
      t,
      await operate(...add, '--type', 'Postfixx', '--target-config', targetFile),
      /CONNECTOR_UNKNOWN.*Is Postfix meant\?.*--unchecked/i,
    )
    refused(
      t,
      await operate(...add, '--type', 'Postfix', '--target-config', odd),
      /TARGET_INVALID.*crt_path.*Is cert_path meant\?/,
    )
    refused(t, await operate('retire', 'mistyps'), /is mistypes meant\?/)
    t.same((await rows('targets')).filter(isOf(agent.id)), [])

    t.match(await operate(...add, '--type', 'Fax', '--target-config', odd, '--unchecked'), { status: 0 })
  },
)

t.test('request prints a line of identifiers without --json', async (t) => {
  const agent = await newAgent('reads-lines')

  const ran = await operate('request', '--agent', agent.id, '--cn', 'mail.example.net', '--san', 'imap.example.net')

  t.match(ran, { status: 0, stdout: /^certificate_id=cert-\w+  job_id=job-\w+\n$/ })
})

t.test('retire retires an agent: its next call is told so', async (t) => {
  const agent = await newAgent('retires')
  const client = openControlPlane({ url, ca, agentId: agent.id, credential: agent.credential })
  t.teardown(() => client.close())

  const ran = await operate('retire', agent.id)

  t.match(ran, { status: 0, stdout: `agent=${agent.id}  status=retired\n` })
  t.match(
    (await rows('agents')).filter(({ id }) => id === agent.id),
    [{ status: 'retired' }],
  )
  await t.rejects(client.work(), { code: 'AGENT_RETIRED' })
  t.match(jsonOf(await operate('retire', agent.id, '--json')), { agent: agent.id, status: 'retired' })
})

t.test('what the control plane does not know is refused with its reason, and prints no document', async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['job', 'nothing', '--json'], /there is no such job/],
    [['retire', 'nobody', '--json'], /there is no such agent/],
    [['deploy', '--certificate', 'none', '--target', 'none', '--json'], /there is no such certificate/],
    [['request', '--agent', 'nobody', '--cn', 'mail.example.net'], /there is no such agent/],
    [
      ['add-target', '--name', 'x', '--agent', 'nobody', '--type', 'Postfix', '--target-config', targetFile],
      /there is no such agent/,
    ],
  ]

  for (const [args, reason] of wrong) refused(t, await operate(...args), reason)
})

t.test('add-target with a file that is missing or no JSON object ends with 2, and names the file', async (t) => {
  await writeText(join(dir, 'torn.json'), '{')
  await writeText(join(dir, 'number.json'), '3')
  const add = ['add-target', '--name', 'x', '--agent', 'a', '--type', 'Postfix', '--target-config']

  for (const name of ['torn.json', 'number.json', 'missing.json'])
    t.match(await operate(...add, join(dir, name)), { status: 2, stdout: '', stderr: `CONFIG_INVALID: ` }, name)
  t.match(await operate(...add, join(dir, 'torn.json')), { stderr: /torn\.json.*not JSON/ })
})

t.test('a folder without a control plane ends with 2, and points to --data-dir', async (t) => {
  await makeFolder(join(dir, 'empty'))

  for (const folder of ['empty', 'nowhere'])
    for (const command of ['token', 'agents']) {
      const ran = await runWaxseal(['control-plane', command, '--data-dir', join(dir, folder), '--json'])
      t.match(ran, { status: 2, stdout: '', stderr: new RegExp(`CONFIG_INVALID.*${folder}.*--data-dir`) })
    }
})

t.test('a control plane that is started for the first time is waited for', async (t) => {
  const dataDir = join(dir, 'first')
  await makeFolder(dataDir)

  const starting = startWaxseal(['control-plane', 'serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0'])
  // Its first files are there; what the command needs is not, as long as that takes to begin.
  await until(async () => (await readdir(dataDir)).length > 0)
  const ran = await runWaxseal(['control-plane', 'agents', '--data-dir', dataDir, '--json'])
  starting.kill('SIGTERM')

  t.same([ran.status, ran.stderr, await starting.exited], [0, '', 0])
  t.same(jsonOf(ran), [])
})

t.test('a control plane that no longer runs ends with 1, and says how to start it', async (t) => {
  const ran = await runWaxseal(['control-plane', 'agents', '--data-dir', join(dir, 'second')])

  t.match(ran, { status: 1, stdout: '', stderr: /CONTROL_PLANE_UNREACHABLE.*waxseal control-plane serve/ })
})

async function newAgent(name: string): Promise<{ readonly id: string; readonly credential: string }> {
  const endpoint = { url, ca, credential: await controlPlane.token() }
  const { agentId, credential } = await register(endpoint, name, hostFacts('0.0.0'))
  return { id: agentId, credential: credential ?? '' }
}

/** A certificate of this name that the agent has asked for. An agent that has said no feature yet has its answer when it is signed. */
async function signed(
  agent: { readonly id: string; readonly credential: string },
  name: string,
  ...options: readonly string[]
): Promise<string> {
  const requested = await operate('request', '--agent', agent.id, '--cn', name, ...options, '--json')
  const { certificate_id: certificate = '' } = jsonOf<Ids>(requested)
  const client = openControlPlane({ url, ca, agentId: agent.id, credential: agent.credential })
  await client.submitCsr(certificate, await newCsr([name]))
  await client.close()
  return certificate
}

/** What a list command prints with --json. */
async function rows(command: 'agents' | 'targets' | 'jobs'): Promise<readonly Row[]> {
  return jsonOf<readonly Row[]>(await operate(command, '--json'))
}

function isOf(agentId: string): (row: Row) => boolean {
  return (row) => row['agent_id'] === agentId
}

function refused(t: { match(a: unknown, b: unknown): unknown }, ran: Ran, reason: RegExp): void {
  t.match(ran, { status: 1, stdout: '', stderr: /^waxseal: CONTROL_PLANE_REFUSED/ })
  t.match(ran.stderr, reason)
}
