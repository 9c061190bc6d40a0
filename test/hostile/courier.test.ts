import { once } from 'node:events'
import { chmod, chown, mkdir, readdir, readFile } from 'node:fs/promises'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type AnswerTo, lineOf, longestDocument } from '../../src/documents/ask.ts'
import { viewFolder } from '../../src/documents/shown-host.ts'
import { askLine } from '../../src/host/socket/line-socket.ts'
import { limits } from '../../src/limit/limits.ts'
import { allTaken, filesOf, openDeployer, type TestDeployer } from '../support/deployer.ts'
import type { WaxsealProcess } from '../support/process.ts'
import { asUser, user } from './support/as-user.ts'
import { hostileLine } from './support/boundary/halves.ts'
import { openCanaries } from './support/canaries.ts'
import { openRandom } from './support/random.ts'

/** Over all documents; WAXSEAL_MUTATIONS has more. */
const mutations = Number(process.env['WAXSEAL_MUTATIONS'] ?? 7000)
const seed = 20_261_126
const bounds = { timeoutMs: 60_000, maxBytes: longestDocument }

t.test('a courier that was taken over may write nowhere but at home, and nothing there is touched', async (t) => {
  const deployer = await openDeployer(t)
  await chmod(deployer.dir, 0o755)
  const home = join(deployer.dir, 'home')
  await mkdir(home, { mode: 0o700 })
  await chown(home, user, user)
  const running = await startAsCourier(deployer)
  await honest(t, deployer, 'before')
  const keys = await readdir(join(deployer.stateDir, 'keys'))
  const view = await readdir(viewFolder(deployer.stateDir))

  const { child: lease, remove } = await asUser(
    `
import fcntl, os, sys, time
home, state, socket = sys.argv[1:4]
os.chdir(home)
for name in ['view', 'state', 'agent.lock', 'credential', 'status.sock', 'journal', '.waxseal-0123456789abcdef01234567.new']:
    os.mkfifo(name)
for name, to in [('keys', state + '/keys'), ('inbox', '/etc'), ('outbox', state), ('ca.pem', '/etc/shadow')]:
    os.symlink(to, name)
held = os.open('leased', os.O_CREAT | os.O_RDWR)
fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
done = []
def tried(what, act):
    try:
        act()
        done.append(what)
    except OSError:
        pass
for base, folders, files in os.walk(os.path.dirname(state)):
    if base.startswith(home): continue
    tried('create in ' + base, lambda: open(base + '/evil', 'w'))
    for name in files + folders:
        path = base + '/' + name
        tried('write ' + path, lambda: open(path, 'r+'))
        tried('remove ' + path, lambda: os.unlink(path))
        tried('rename ' + path, lambda: os.rename(path, home + '/stolen'))
        tried('link ' + path, lambda: os.link(path, home + '/linked'))
        tried('lease ' + path, lambda: fcntl.fcntl(os.open(path, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_WRLCK))
for inner in ['keys', 'journal', 'inbox', 'outbox', 'deployments', 'dead', 'view']:
    tried('create in ' + inner, lambda: open(state + '/' + inner + '/evil.json', 'w'))
    tried('list ' + inner, lambda: inner == 'view' or os.listdir(state + '/' + inner))
    tried('exchange ' + inner, lambda: os.rename(state + '/' + inner, home + '/' + inner + '-stolen'))
print('\\n'.join(done), flush=True)
sys.stdin.read()
`,
    [home, deployer.stateDir, deployer.socket],
  )
  t.teardown(remove)
  const [said] = (await once(lease.stdout, 'data')) as [Buffer]

  const possible = said
    .toString('utf8')
    .split('\n')
    .filter((what) => what !== '' && what !== 'list view')
  t.same(possible, [])
  await honest(t, deployer, 'during')
  t.same(await readdir(viewFolder(deployer.stateDir)), view)
  const after = await readdir(join(deployer.stateDir, 'keys'))
  t.same(
    keys.filter((name) => !after.includes(name)),
    [],
  )
  t.ok((await readdir(home)).includes('keys'), 'its own folder is as it left it')
  running.kill('SIGTERM')
  t.equal(await running.exited, 0)
  lease.stdin.end()
  await once(lease, 'exit')
})

t.test(`${mutations} mutations of the documents, and lines that are none, leave the deployer as it is`, async (t) => {
  const deployer = await openDeployer(t)
  const canaries = await openCanaries(deployer.dir)
  t.teardown(() => canaries.close())
  await canaries.file(join(deployer.dir, 'outside/secret'))
  await canaries.program(join(deployer.dir, 'program'))
  const running = await startAsCourier(deployer)
  await honest(t, deployer, 'before')
  const [answered, errors] = [new Map<string, number>(), new Set<string>()]
  let next = 0

  const one = async (): Promise<void> => {
    for (;;) {
      const number = next++
      if (number >= mutations) return
      const line = hostileLine(openRandom(seed + number * 7919))
      const answer = await askLine(deployer.socket, `${line}\n`, bounds).catch((error: Error) => {
        errors.add(error.message)
        return '{}'
      })
      const code = (JSON.parse(answer) as { document?: { error?: { code: string } } }).document?.error?.code ?? 'answer'
      answered.set(code, (answered.get(code) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 8 }, one))

  t.comment(JSON.stringify({ mutations, ...Object.fromEntries(answered), errors: [...errors] }))
  t.notOk(answered.has('INTERNAL'))
  t.same([...errors], [])
  t.same(await canaries.touched(), [])
  t.ok((await residentMib(running)) < 700)
  await flushed(deployer)
  await honest(t, deployer, 'after')
  running.kill('SIGTERM')
  t.equal(await running.exited, 0)
})

t.test(
  'a thousand rings, and connections that say half a line, too much, or never listen, hold nothing up',
  async (t) => {
    const deployer = await openDeployer(t)
    const running = await startAsCourier(deployer)
    const ring = lineOf({ ask: 'work' })

    for (let rings = 0; rings < 1000; rings += 10)
      await Promise.all(Array.from({ length: 10 }, () => askLine(deployer.socket, ring, bounds)))
    const held: Socket[] = []
    for (const say of [
      '',
      ring.slice(0, 7),
      ring.trim(),
      '\0'.repeat(100_000),
      `${ring}${ring}${ring}`,
      '\n\n\n',
      'x'.repeat(5 * 1024 * 1024),
    ])
      for (let count = 0; count < 5; count += 1) {
        const socket = createConnection(deployer.socket)
        socket.on('error', () => {}).pause()
        socket.write(say)
        held.push(socket)
      }
    for (const socket of held.slice(0, 5)) if (socket.connecting) await once(socket, 'connect')
    for (const socket of held) socket.destroy()

    await honest(t, deployer, 'after')
    t.ok((await residentMib(running)) < 700)
    running.kill('SIGTERM')
    t.equal(await running.exited, 0)
  },
)

t.test('a flood of 25,000 jobs costs a bounded number of files, and neither the start nor honest work', async (t) => {
  const deployer = await openDeployer(t)
  const running = await startAsCourier(deployer)
  const [floods, each] = [25, 1000]
  let full = 0
  for (let flood = 0; flood < floods; flood += 1) {
    const jobs = Array.from({ length: each }, (_, index) => {
      const id = `flood-${flood}-${index}`
      return index % 20 > 0
        ? ({ kind: 'validation', id, certificateId: id, targetId: id } as const)
        : deployer.job(id, { certificateId: id, targetId: id })
    })
    const answer = await deployer.ask({ ask: 'take', jobs })
    if ('error' in answer) t.match(answer.error, { code: 'SPOOL_FULL' })
    if ('error' in answer || answer.full !== null) full += 1
  }
  t.ok(full >= floods - 1)
  const count = async (name: string): Promise<number> => (await readdir(join(deployer.stateDir, name))).length
  t.ok((await count('inbox')) < limits.jobsWaiting.most * 2)
  running.kill('SIGTERM')
  t.equal(await running.exited, 0)

  const again = await startAsCourier(deployer)
  await flushed(deployer)

  t.ok((await count('inbox')) <= limits.jobsRemembered.most + limits.jobsWaiting.most)
  t.equal(await count('outbox'), 0)
  await honest(t, deployer, 'after')
  again.kill('SIGTERM')
  t.equal(await again.exited, 0)
})

t.test('a connection that never closes does not keep the deployer from ending', async (t) => {
  const deployer = await openDeployer(t)
  const running = await startAsCourier(deployer)
  const socket = createConnection({ path: deployer.socket, allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  socket.write(lineOf({ ask: 'work' }))
  await once(socket, 'data')

  running.kill('SIGTERM')

  t.equal(await running.exited, 0)
})

/** The socket is the courier's, as the unit makes it. */
async function startAsCourier(deployer: TestDeployer): Promise<WaxsealProcess> {
  const running = await deployer.start()
  await chown(deployer.socket, 0, user)
  return running
}

/** An honest courier hands over a job, and it is done. */
async function honest(t: Test, deployer: TestDeployer, id: string): Promise<void> {
  const pair = await deployer.pair()
  await deployer.keep(pair)
  const job = deployer.job(`honest-${id}`, { certificateId: `cert-${id}` })
  t.match(await deployer.answer({ ask: 'take', jobs: [job] }), { fresh: 1 })
  await deployer.answer({ ask: 'certificate', certificateId: `cert-${id}`, pem: pair.certificatePem + pair.chainPem })
  await deployer.answer({ ask: 'work' })
  const answers = await deployer.settled()
  t.match(
    answers.reports.find(({ report }) => report.jobId === job.id && report.kind === 'status'),
    { report: { status: 'Completed' } },
  )
  await deployer.answer(allTaken(answers))
  t.equal(await readFile(filesOf(deployer.dir, 'web').key, 'utf8'), pair.keyPem)
}

/** An honest courier after the other one: nothing of what that one left can be fetched. */
async function flushed(deployer: TestDeployer): Promise<void> {
  for (let rounds = 0; rounds < 100; rounds += 1) {
    const answers: AnswerTo['answers'] = await deployer.settled()
    if (answers.reports.length + answers.wanted.length + answers.requests.length === 0) return
    const error = { code: 'CONTROL_PLANE_REFUSED', details: {} }
    for (const certificateId of answers.wanted) await deployer.answer({ ask: 'withheld', certificateId, error })
    const requests = answers.requests.map(({ jobId }) => ({ jobId, error }))
    await deployer.answer({ ...allTaken(answers), requests })
    await deployer.answer({ ask: 'work' })
  }
  throw new Error('what the other courier left does not end')
}

async function residentMib({ pid }: WaxsealProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
}
