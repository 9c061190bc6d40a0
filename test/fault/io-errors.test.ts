import { open, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { tryLock } from '../../src/host/file/file-lock.ts'
import { makeFolder, makeTemporaryFolder } from '../../src/host/file/plain-files.ts'
import type { Outcome } from '../../src/outcome/outcome.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { removeWhenQuiet } from '../support/remove-when-quiet.ts'
import { jsonOf, type Ran } from '../support/run-waxseal.ts'
import { deploymentsOf, startSite } from '../support/site.ts'
import { mountMemory, must, remount, unlessMountable, unmount } from './support/disk.ts'
import { type FaultHost, openFaultHost, printsKey } from './support/fault-host.ts'
import { shareOf } from './support/share.ts'
import { pointsOf, runTraced } from './support/traced.ts'

const folder = await makeTemporaryFolder('waxseal-errors-')
t.teardown(() => removeWhenQuiet(folder))
const skip = await unlessMountable(folder)
t.setTimeout(900_000)
t.jobs = 2

/** What each call may fail with (its man page). */
const errors = {
  fsync: ['ENOSPC', 'EIO', 'EROFS'],
  link: ['ENOSPC', 'EIO', 'EROFS', 'EACCES', 'EPERM'],
  rename: ['ENOSPC', 'EIO', 'EROFS', 'EACCES'],
  symlink: ['ENOSPC', 'EIO', 'EROFS', 'EACCES'],
  mkdir: ['ENOSPC', 'EIO', 'EROFS', 'EACCES'],
  unlink: ['EIO', 'EROFS', 'EACCES'],
  rmdir: ['EIO', 'EROFS', 'EACCES'],
  fchown: ['EPERM', 'EIO', 'EROFS'],
  fchmod: ['EPERM', 'EIO', 'EROFS'],
} as const
const openErrors = ['EIO', 'EACCES', 'EMFILE'] as const

for (const layout of ['files', 'generation'] as const) {
  const title = `an error at any file-system call leaves a whole pair and tells the truth: ${layout}`
  t.test(title, { skip: unlessInstalled('strace'), buffered: true, timeout: 900_000 }, async (t) => {
    const host = await openOnFolder(t, layout)
    const faults = await faultsOf(host)

    const found: string[] = []
    for (const fault of shareOf(faults)) {
      await reset(host)
      const ran = await runTraced(['--output=/dev/null', ...fault], host.deployArgs)
      found.push(...(await judge(host, ran)).map((what) => `${fault.join(' ')}: ${what}`))
    }

    t.comment(`${shareOf(faults).length} error points, ${found.length} violations`)
    t.ok(faults.length > 30)
    t.same(found, [])
  })
}

const small = [
  ['live', 'size=8k'],
  ['live', 'size=64k,nr_inodes=5'],
  ['live', 'ro'],
  ['state', 'size=4k'],
  ['state', 'size=16k'],
  ['state', 'size=64k,nr_inodes=3'],
  ['state', 'size=64k,nr_inodes=7'],
  ['state', 'size=64k,nr_inodes=9'],
  ['state', 'ro'],
] as const

for (const [what, options] of small) {
  t.test(`a ${what} folder on a tmpfs with ${options} leaves a whole pair`, { skip, buffered: true }, async (t) => {
    const dir = join(folder, `${what}-${options}`)
    await makeFolder(dir)
    const host = await openFaultHost({ dir, live: join(dir, 'live'), state: join(dir, 'state'), layout: 'files' })
    const isReadOnly = options === 'ro'
    await mountMemory(join(dir, what), isReadOnly ? 'size=1m' : options)
    t.teardown(async () => {
      await host.close()
      await unmount(join(dir, what))
    })
    await host.install()
    if (isReadOnly) await remount(join(dir, what), 'ro')

    const ran = await host.deploy()
    if (isReadOnly) await remount(join(dir, what), 'rw')

    t.same(await judge(host, ran), [])
    t.comment(`${options}: ${ran.status}`)
  })
}

t.test('a write that ends short leaves the old pair', { skip: skip || unlessInstalled('strace') }, async (t) => {
  const dir = join(folder, 'short')
  await makeFolder(dir)
  const names = ['mail.example.net', ...Array.from({ length: 200 }, (_, index) => `mail-${index}.example.net`)]
  const host = await openFaultHost({ dir, live: join(dir, 'live'), state: join(dir, 'state'), layout: 'files', names })
  await mountMemory(host.live, 'size=12k')
  t.teardown(async () => {
    await host.close()
    await unmount(host.live)
  })
  await host.install()

  const log = join(dir, 'strace.log')
  const ran = await runTraced([`--output=${log}`, '--trace=write', '--string-limit=0'], host.deployArgs)

  const writes = [...(await readFile(log, 'utf8')).matchAll(/ write\(\d+, ""\.\.\., (\d+)\) += (\d+)/g)]
  t.ok(writes.some(([, asked, written]) => Number(written) < Number(asked)))
  t.match(jsonOf(ran), { outcome: 'refused', code: 'STAGE_FAILED', host: 'untouched' })
  t.same(await judge(host, ran), [])
})

t.test('a lock is taken on a full disk: a start there recovers', { skip }, async (t) => {
  const full = join(folder, 'full')
  await makeFolder(full)
  await mountMemory(full, 'size=64k')
  t.teardown(() => unmount(full))
  await fill(join(full, 'fill'))

  const lock = tryLock(join(full, 'lock'))

  t.not(lock, null)
  t.equal(tryLock(join(full, 'lock')), null, 'a second one is not')
  lock?.release()
  const again = tryLock(join(full, 'lock'))
  t.not(again, null, 'what is released is free')
  again?.release()
})

t.test('an agent whose state directory is full takes no work, stays up, and goes on', { skip }, async (t) => {
  const site = await startSite()
  const state = join(site.dir, 'state')
  await mountMemory(state, 'size=512k')
  t.teardown(() => site.close())
  const agent = site.startAgent()
  t.teardown(async () => {
    agent.killAll()
    await agent.exited
    await unmount(state)
  })
  const certificate = await site.request()

  await agent.waitFor(({ msg, code }) => msg === 'poll failed' && code === 'SPOOL_FULL')
  await agent.waitFor(({ msg, code }) => msg === 'poll failed' && code === 'SPOOL_FULL')
  t.notOk(
    (await deploymentsOf(site, certificate)).some(({ status }) => status === 'Running'),
    'nothing is claimed',
  )

  await remount(state, 'size=16m')
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
  t.match(await deploymentsOf(site, certificate), [{ status: 'Completed' }])

  const next = await site.request()
  await agent.waitFor(({ msg }) => msg === 'job begins')
  await agent.waitFor(({ step }) => step === 'policy')
  await fill(join(state, 'filler'))
  await agent.waitFor(({ msg, report, final }) => msg === 'reported' && report === 'status' && final === true)
  const [job] = await deploymentsOf(site, next)
  t.match(job?.status, /^(Completed|Failed)$/, 'the result is told, however full the disk is')
  await rm(join(state, 'filler'))
})

type Said = Pick<Outcome, 'outcome' | 'host'>
const statuses = { deployed: 0, unchanged: 0, refused: 3, 'rolled-back': 4, 'rollback-failed': 5 } as const

/** What is wrong with how a deployment ended, before recovery and after it. */
async function judge(host: FaultHost, ran: Ran): Promise<readonly string[]> {
  const found: string[] = []
  const said = outcomeOf(ran)
  const leaf = await host.leafOnDisk().catch((error: Error) => error.message)
  if (said === null && ran.status !== 1 && ran.status !== 2) found.push(`status ${ran.status}: ${ran.stderr}`)
  if (said !== null && ran.status !== statuses[said.outcome]) found.push(`${said.outcome} ends with ${ran.status}`)
  const expected = said?.host === 'changed' ? host.newPair.sha256 : host.oldPair.sha256
  if (said?.host !== 'unknown' && leaf !== expected) found.push(`${said?.outcome ?? 'no outcome'}, on disk: ${leaf}`)
  if (printsKey(ran, [host.oldPair, host.newPair])) found.push('it prints key bytes')
  if ((await host.violations()).length === 0) return found
  const recovered = await host.recover()
  if (recovered.status !== 0) found.push(`recovery: ${recovered.stdout}${recovered.stderr}`)
  return [...found, ...(await host.violations())]
}

function outcomeOf({ stdout }: Ran): Said | null {
  try {
    return JSON.parse(stdout) as Said
  } catch {
    return null
  }
}

/** The strace options of each fault: at every call one error, the errors taken in turn. */
async function faultsOf(host: FaultHost): Promise<readonly (readonly string[])[]> {
  const log = join(host.dir, 'strace.log')
  await reset(host)
  const changing = await pointsOf(Object.keys(errors), log, host.deployArgs)
  await reset(host)
  const paths = ['journal', 'deployments', 'archive', 'history.jsonl'].map((name) => join(host.state, name))
  // A file is opened as a name in its opened folder, which has one of these numbers.
  const folders = Array.from({ length: 50 }, (_, index) => `/proc/self/fd/${index + 10}`)
  const names = [host.live, host.certPath, host.keyPath].map((path) => basename(path))
  const watched = [...folders.flatMap((at) => names.map((name) => `${at}/${name}`)), ...paths]
  const opening = await pointsOf(['openat'], log, host.deployArgs, watched)
  const inject = (name: string, n: number, error: string): string => `--inject=${name}:error=${error}:when=${n}`
  return [
    ...changing.points.map(({ name, n }) => [
      `--trace=${name}`,
      inject(name, n, inTurn(errors[name as keyof typeof errors], n)),
    ]),
    ...opening.points.map(({ name, n }) => [
      ...watched.map((path) => `--trace-path=${path}`),
      `--trace=${name}`,
      inject(name, n, inTurn(openErrors, n)),
    ]),
  ]
}

function inTurn(kinds: readonly string[], n: number): string {
  return kinds[n % kinds.length] ?? 'EIO'
}

async function openOnFolder(t: Test, layout: FaultHost['layout']): Promise<FaultHost> {
  const dir = join(folder, layout)
  await makeFolder(dir)
  const host = await openFaultHost({ dir, live: join(dir, 'live'), state: join(dir, 'state'), layout })
  t.teardown(() => host.close())
  await host.install()
  await must('mkdir', join(dir, 'kept'))
  await must('cp', '-a', host.live, host.state, join(dir, 'kept'))
  return host
}

async function reset({ dir, live, state }: FaultHost): Promise<void> {
  await must('rm', '-rf', live, state)
  await must('cp', '-a', join(dir, 'kept', 'live'), join(dir, 'kept', 'state'), dir)
}

/** Writes until there is no room. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (;;) await file.write(Buffer.alloc(4096, 'x'))
  } catch {
    return
  } finally {
    await file.close()
  }
}
