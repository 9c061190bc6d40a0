import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { chmod, mkdir, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type Ask, lineOf, longestDocument } from '../../src/documents/ask.ts'
import type { DeploymentJob } from '../../src/documents/job.ts'
import type { Report } from '../../src/documents/report.ts'
import { viewFolder } from '../../src/documents/shown-host.ts'
import { askLine } from '../../src/host/socket/line-socket.ts'
import { builtProgram } from '../support/built-program.ts'
import { allTaken, filesOf, openDeployer } from '../support/deployer.ts'
import type { WaxsealProcess } from '../support/process.ts'
import { runWaxseal } from '../support/run-waxseal.ts'

const mostKills = 8
/** On a slow machine some die before they have taken one. */
const fewestJobs = mostKills + 1
/** Jobs whose end is not told yet: a courier on a quiet machine would give more than the deployer can work on. */
const mostOpen = 4

const leafIn = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()

t.test('a deployment waits for its certificate, is worked on, and its report waits until it is taken', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const process = await deployer.start()

  t.same(await deployer.answer({ ask: 'take', jobs: [deployer.job('job-1')] }), { fresh: 1, full: null })
  t.same(await deployer.answer({ ask: 'take', jobs: [deployer.job('job-1')] }), { fresh: 0, full: null })
  await deployer.answer({ ask: 'work' })
  const before = await deployer.settled()
  t.same([before.wanted, before.reports], [['mc-1'], []])
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })
  const answers = await deployer.settled()

  t.match(answers, {
    wanted: [],
    next: null,
    reports: [{ id: 'job-1/status', report: { status: 'Completed', outcome: { outcome: 'deployed' } } }],
  })
  t.equal(leafIn(await readFile(filesOf(deployer.dir, 'web').cert, 'utf8')), pair.sha256)
  await deployer.answer({
    ask: 'delivered',
    reports: [{ id: 'job-1/status', digest: '0'.repeat(64), fate: 'taken', refusal: null }],
    requests: [],
  })
  t.equal((await deployer.settled()).reports.length, 1, 'another version of the report was taken')
  await deployer.answer(allTaken(answers))
  t.same((await deployer.settled()).reports, [])
  process.kill('SIGTERM')
  t.equal(await process.exited, 0)
  t.match(await deployer.view(), {
    records: [{ target: 'web', certificate: { sha256: pair.sha256 } }],
    last: [{ target: 'web', outcome: 'deployed', job: 'job-1' }],
    inbox: 0,
    outbox: 0,
    currentJobs: [],
  })
  t.equal((await stat(viewFolder(deployer.stateDir))).mode & 0o777, 0o750)
  t.ok(process.lines.some((line) => line['step'] === 'settle' && line['name'] === 'web'))
})

t.test('what is under way is shown by the name of its target, or by its id where it has none', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const gate = join(deployer.dir, 'gate')
  await promisify(execFile)('mkfifo', [gate])
  await deployer.configure({
    state_dir: deployer.stateDir,
    policy: { roots: [deployer.dir], commands: [`cat ${gate}`] },
  })
  await deployer.start()
  const waiting = (id: string, changes: Partial<DeploymentJob>): DeploymentJob => {
    const job = deployer.job(id, changes)
    return { ...job, targetConfig: { ...job.targetConfig, reload_command: `cat ${gate}` } }
  }
  const jobs = [
    waiting('job-1', { targetId: 'target-1', targetName: 'mail-postfix' }),
    waiting('job-2', { targetId: 'target-2' }),
  ]

  await deployer.answer({ ask: 'take', jobs })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })

  let shown: readonly string[] = []
  while (shown.length === 0) shown = (await deployer.view())?.currentJobs ?? []
  t.same(shown, ['mail-postfix', 'target-2'])
  // Each reload ends when somebody has written.
  const done = deployer.settled()
  const stop = new AbortController()
  const writing = openGate(gate, stop.signal)
  await done
  stop.abort()
  await writing
  // It is shown a moment later.
  while ((await deployer.view())?.currentJobs.length !== 0);
})

/** Lets each reader of a FIFO go, until the signal aborts. */
async function openGate(gate: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const file = await open(gate, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => null)
    await file?.close()
    await new Promise(setImmediate)
  }
}

t.test('a withheld certificate fails its jobs, and holds up no other', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  await deployer.start()
  const jobs = [
    deployer.job('job-1', { certificateId: 'mc-gone', targetId: 'gone' }),
    deployer.job('job-2'),
    { kind: 'unsupported', id: 'job-3', certificateId: 'mc-3', type: 'Fax', reason: 'nobody does' } as const,
    {
      kind: 'unsupported',
      id: 'job-4',
      certificateId: 'mc-4',
      type: '',
      reason: 'no target',
      code: 'JOB_MALFORMED',
    } as const,
  ]

  await deployer.answer({ ask: 'take', jobs })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })

  t.match(statesOf((await deployer.settled()).reports), {
    'job-2': 'Completed',
    'job-3': /^JOB_UNSUPPORTED/,
    'job-4': /^JOB_MALFORMED/,
  })
  const error = { code: 'CONTROL_PLANE_REFUSED', details: { status: 404, answer: 'no such certificate' } }
  await deployer.answer({ ask: 'withheld', certificateId: 'mc-gone', error })
  const { reports, wanted } = await deployer.settled()
  t.match(statesOf(reports)['job-1'], /^CONTROL_PLANE_REFUSED: .*status: 404; answer: no such certificate/)
  t.same(wanted, [])
})

t.test(
  'a request is offered with one key, over a crash, until it is taken; policy has the last word on names',
  async (t) => {
    const deployer = await openDeployer(t)
    await deployer.configure({ state_dir: deployer.stateDir, policy: { names: ['*.example.net'] } })
    const killed = await deployer.start()
    const job = {
      kind: 'issuance',
      id: 'job-1',
      certificateId: 'mc-1',
      commonName: 'mail.example.net',
      sans: [],
    } as const

    await deployer.answer({ ask: 'take', jobs: [job, { ...job, id: 'job-2', commonName: 'mail.example.org' }] })
    await deployer.answer({ ask: 'work' })
    const before = await deployer.settled()
    killed.kill('SIGKILL')
    await killed.exited
    const process = await deployer.start()
    const after = await deployer.settled()

    t.match(statesOf(before.reports), { 'job-2': /^NAME_NOT_ALLOWED/ })
    t.match(after.requests, [{ jobId: 'job-1', certificateId: 'mc-1', csrPem: /^-----BEGIN CERTIFICATE REQUEST/ }])
    t.equal(
      (await readdir(join(deployer.stateDir, 'keys'))).length,
      1,
      'no key for a name that is not allowed, one for the other',
    )
    const refused = { code: 'CONTROL_PLANE_REFUSED', details: { status: 403 } }
    await deployer.answer({ ask: 'delivered', reports: [], requests: [{ jobId: 'job-1', error: refused }] })
    t.equal((await deployer.settled()).requests.length, 1, 'a credential may be mended')
    await deployer.answer({ ask: 'delivered', reports: [], requests: [{ jobId: 'job-1', error: null }] })
    t.same((await deployer.settled()).requests, [])
    t.match(await deployer.answer({ ask: 'take', jobs: [job] }), { fresh: 1 }, 'it comes again until it is signed')
    await deployer.answer({ ask: 'work' })
    await deployer.settled()
    const final = { code: 'CONTROL_PLANE_REFUSED', details: { status: 422 } }
    await deployer.answer({ ask: 'delivered', reports: [], requests: [{ jobId: 'job-1', error: final }] })
    t.match(statesOf((await deployer.settled()).reports)['job-1'], /^CONTROL_PLANE_REFUSED/)
    process.kill('SIGTERM')
    t.equal(await process.exited, 0)
  },
)

t.test('what a command prints is told to nobody outside; the history of root has it', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const script = join(deployer.dir, 'reload')
  await writeFile(script, '#!/bin/sh\necho "secret (of root)"; exit 1\n')
  await chmod(script, 0o755)
  await deployer.configure({
    state_dir: deployer.stateDir,
    policy: { roots: [deployer.dir], commands: ['true', script] },
  })
  const process = await deployer.start()
  const job = deployer.job('job-1')

  await deployer.answer({
    ask: 'take',
    jobs: [{ ...job, targetConfig: { ...job.targetConfig, reload_command: script } }],
  })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })
  const { reports } = await deployer.settled()
  process.kill('SIGTERM')
  await process.exited

  t.match(statesOf(reports)['job-1'], /^ROLLBACK_FAILED: /)
  t.notMatch(JSON.stringify(reports), /secret/)
  t.notMatch(await readFile(join(viewFolder(deployer.stateDir), 'host.json'), 'utf8'), /secret/)
  t.match(await readFile(join(deployer.stateDir, 'history.jsonl'), 'utf8'), /secret \(of root\)/)
})

t.test('what others changed is seen, shown, and gone with the target', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const process = await deployer.start()
  await deployer.answer({ ask: 'take', jobs: [deployer.job('job-1')] })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })
  await deployer.settled()
  await writeFile(filesOf(deployer.dir, 'web').cert, 'another')

  const [first, second] = await Promise.all([deployer.answer({ ask: 'inspect' }), deployer.answer({ ask: 'inspect' })])

  t.match(first, { looks: [{ target: 'web', reasons: [/is not what was deployed/] }] })
  t.same(second.looks.length, 1)
  process.kill('SIGTERM')
  t.equal(await process.exited, 0)
  t.match(await deployer.view(), { looks: [{ target: 'web', reasons: [/is not what was deployed/] }], outbox: 1 })
  const config = ['--config', join(deployer.dir, 'waxseal.yaml')]
  t.equal((await runWaxseal(['recover', ...config])).status, 0)
  t.match(await deployer.view(), { looks: [{ target: 'web' }], outbox: 1 }, 'the rest stays')
  t.equal((await runWaxseal(['forget', 'web', ...config])).status, 0)
  const { records, last, looks, outbox } = (await deployer.view()) ?? {}
  t.same({ records, last, looks, outbox }, { records: [], last: [], looks: [], outbox: 1 })
})

t.test('a view that others could change is not written, and stops no work', async (t) => {
  const deployer = await openDeployer(t)
  const elsewhere = join(deployer.dir, 'elsewhere')
  await mkdir(elsewhere)
  await chmod(elsewhere, 0o777)
  await symlink(elsewhere, viewFolder(deployer.stateDir))
  const process = await deployer.start()

  await process.waitFor(({ msg }) => msg === 'what people may see of this host could not be written')

  t.same(await deployer.answer({ ask: 'inspect' }), { looks: [] })
  t.same(await readdir(elsewhere), [])
})

t.test('a second SIGTERM does not cut off what has begun, and what has not is for the next start', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  await deployer.configure({
    state_dir: deployer.stateDir,
    policy: { roots: [deployer.dir], commands: ['true', 'sleep 2'] },
  })
  const process = await deployer.start()
  const slow = (id: string): Ask & { ask: 'take' } => {
    const job = deployer.job(id, { targetId: id })
    return { ask: 'take', jobs: [{ ...job, targetConfig: { ...job.targetConfig, reload_command: 'sleep 2' } }] }
  }

  await deployer.answer(slow('job-1'))
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })
  await process.waitFor((line) => line['step'] === 'commit')
  await deployer.answer(slow('job-2'))
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  process.kill('SIGTERM')
  // Two at the same moment would be one.
  await process.waitFor(({ msg }) => msg === 'draining')
  process.kill('SIGTERM')

  t.equal(await process.exited, 0)
  t.match(await deployer.view(), { records: [{ target: 'job-1' }], inbox: 1, outbox: 1, currentJobs: [] })
  await deployer.start()
  t.match(statesOf((await deployer.settled()).reports), { 'job-1': 'Completed', 'job-2': 'Completed' })
})

t.test('SIGHUP does not cut off what has begun: the configuration is read before the next work', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  await deployer.configure({
    state_dir: deployer.stateDir,
    policy: { roots: [deployer.dir], commands: ['true', 'sleep 1'] },
  })
  const process = await deployer.start()
  const job = deployer.job('job-1')

  const jobs = [{ ...job, targetConfig: { ...job.targetConfig, reload_command: 'sleep 1' } }]
  await deployer.answer({ ask: 'take', jobs })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })
  await process.waitFor((line) => line['step'] === 'commit')
  process.kill('SIGHUP')

  t.match(statesOf((await deployer.settled()).reports), { 'job-1': 'Completed' })
  process.kill('SIGTERM')
  t.equal(await process.exited, 0)
})

t.test('a policy that was changed holds for the next job', async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const process = await deployer.start()
  await deployer.configure({ state_dir: deployer.stateDir, policy: { roots: ['/srv/elsewhere'], commands: ['true'] } })

  await deployer.answer({ ask: 'take', jobs: [deployer.job('job-1')] })
  await deployer.answer({ ask: 'certificate', certificateId: 'mc-1', pem: pair.certificatePem })
  await deployer.answer({ ask: 'work' })

  t.match(statesOf((await deployer.settled()).reports)['job-1'], /^PATH_NOT_ALLOWED/)
  t.ok(process.lines.some(({ msg }) => String(msg).startsWith('configuration read again')))
})

t.test('what a kill left half written of a key, or of the reserve, is gone at the next start', async (t) => {
  const deployer = await openDeployer(t)
  await deployer.keep(await deployer.pair())
  const halves = ['keys', ''].map((folder) => join(deployer.stateDir, folder, `.waxseal-${'a'.repeat(24)}.new`))
  await chmod(deployer.stateDir, 0o700)
  for (const half of halves) await writeFile(half, 'half of it', { mode: 0o600 })
  await deployer.start()

  t.same((await deployer.settled()).reports, [])

  const left = (await readdir(deployer.stateDir, { recursive: true })).filter((name) => name.includes('.waxseal-'))
  t.same(left, [])
  t.equal((await readdir(join(deployer.stateDir, 'keys'))).length, 1, 'the key stays')
})

t.test('killed at any moment, it loses no job and no report', { timeout: 300_000 }, async (t) => {
  const deployer = await openDeployer(t)
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const told = new Map<string, string>()
  const taken: string[] = []
  let kills = 0
  let process = await deployer.start()
  const courier = async (): Promise<void> => {
    if ((kills < mostKills || taken.length < fewestJobs) && taken.filter((id) => !isTold(id)).length < mostOpen) {
      const id = `job-${taken.length}`
      await deployer.answer({ ask: 'take', jobs: [deployer.job(id, { targetId: `t-${id}` })] })
      taken.push(id)
    }
    const answers = await deployer.answer({ ask: 'answers', seen: null, after: null, waitMs: 0 })
    for (const certificateId of answers.wanted)
      await deployer.answer({ ask: 'certificate', certificateId, pem: pair.certificatePem })
    await deployer.answer({ ask: 'work' })
    for (const [job, state] of Object.entries(statesOf(answers.reports))) told.set(job, state)
    await deployer.answer(allTaken(answers))
  }
  const isTold = (id: string): boolean => /^(Completed|INTERRUPTED)/.test(told.get(id) ?? '')
  const isOpen = (): boolean => kills < mostKills || taken.length < fewestJobs || !taken.every(isTold)
  while (isOpen()) {
    const isOver = endOf(process)
    const killer = kills < mostKills ? setTimeout(() => process.kill('SIGKILL'), 30 + Math.random() * 1000) : undefined
    while (!isOver() && isOpen()) await courier().catch(() => {})
    clearTimeout(killer)
    if (!isOver()) continue
    kills += 1
    process = await deployer.start()
  }

  t.comment(`${taken.length} jobs`)
  for (const id of taken)
    if (told.get(id) === 'Completed')
      t.equal(leafIn(await readFile(filesOf(deployer.dir, `t-${id}`).cert, 'utf8')), pair.sha256)
  const { reports, wanted, requests } = await deployer.settled()
  t.same({ reports, wanted, requests }, { reports: [], wanted: [], requests: [] })
})

t.test('a thousand lines that are no asks leave it alive, with what it had', { timeout: 300_000 }, async (t) => {
  const deployer = await openDeployer(t)
  const process = await deployer.start()
  await deployer.answer({ ask: 'take', jobs: [deployer.job('job-1')] })
  const asks: readonly Ask[] = [
    { ask: 'take', jobs: [deployer.job('job-2')] },
    { ask: 'certificate', certificateId: 'mc-2', pem: 'x' },
    { ask: 'withheld', certificateId: 'mc-2', error: { code: 'X', details: { a: ['1', 'b'] } } },
    { ask: 'answers', seen: null, after: null, waitMs: 0 },
    { ask: 'delivered', reports: [], requests: [{ jobId: 'job-1', error: { code: 'Y', details: {} } }] },
    { ask: 'inspect' },
  ]

  for (let round = 0; round < 1000; round += 1) {
    const line = mutated(lineOf(asks[round % asks.length] ?? { ask: 'work' }), round)
    await askLine(deployer.socket, line, { timeoutMs: 60_000, maxBytes: longestDocument }).catch(() => {})
  }

  t.match(await deployer.ask({ ask: 'take', jobs: [deployer.job('x'.repeat(1001))] }), {
    error: { code: 'JOB_MALFORMED' },
  })
  t.match(await deployer.settled(), { wanted: ['mc-1'] })
  process.kill('SIGTERM')
  t.equal(await process.exited, 0)
})

t.test('on a socket that was passed it ends by itself when nobody wants anything', async (t) => {
  const deployer = await openDeployer(t)
  const server = createServer()
  server.listen(deployer.socket)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle
  const command = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
  const args = [
    '-c',
    command,
    'sh',
    process.execPath,
    builtProgram,
    'deployer',
    '--config',
    join(deployer.dir, 'waxseal.yaml'),
  ]
  const child = spawn('sh', args, { stdio: ['ignore', 'ignore', 'inherit', fd], env: { PATH: process.env['PATH'] } })
  t.teardown(() => child.kill('SIGKILL'))

  const [code] = (await once(child, 'close')) as [number | null]

  t.equal(code, 0)
})

function statesOf(reports: readonly { readonly report: Report }[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    reports.flatMap(({ report }) => (report.kind === 'status' ? [[report.jobId, report.error ?? report.status]] : [])),
  )
}

/** Whether the process has ended. */
function endOf({ exited }: WaxsealProcess): () => boolean {
  let isOver = false
  void exited.then(() => {
    isOver = true
  })
  return () => isOver
}

/** Cut short, doubled, or with bytes that are others; every eighth is whole. */
function mutated(line: string, seed: number): string {
  const at = (seed * 7919) % line.length
  const kinds = [
    line.slice(0, at),
    line.slice(0, at) + line,
    `${line.slice(0, at)}\u0000${line.slice(at + 1)}`,
    line.replaceAll('"', '""'),
    line.replace('{', '['.repeat(seed)),
    line.replace(/"([a-z]+)":/, '"__proto__":'),
    line.replace(/:(?=[^:]*$)/, ':1e999,"a":'),
  ]
  return `${(kinds[seed % 8] ?? line).replaceAll('\n', '')}\n`
}
