import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deployTogether, type Order } from '../../../src/deployer/deploy.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { makeFolder } from '../../../src/host/file/plain-files.ts'
import type { Outcome, Stage, Step } from '../../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['www.example.net'] })

t.test('deployments to one service are one transaction: one check before and one behind, one reload', async (t) => {
  const { run, orderOf } = await open(t)

  const ended = await run(['a', 'b', 'c'].map((name) => orderOf(name)))

  t.same(tally(ended), { deployed: 3 })
  for (const [step, count] of [
    ['preflight', 1],
    ['journal', 1],
    ['check', 1],
    ['activate', 1],
  ] as const)
    t.equal(stepsOf(ended, step).size, count, step)
  t.same(commandsOf(ended.get('a'), 'activate'), ['true'])
})

t.test('equal commands are run once, different ones once each', async (t) => {
  const { run, orderOf } = await open(t)

  const ended = await run([orderOf('a'), orderOf('b', { reload_command: 'true other' }), orderOf('c')])

  t.same(tally(ended), { deployed: 3 })
  t.equal(stepsOf(ended, 'activate').size, 1)
  t.same(commandsOf(ended.get('a'), 'activate'), ['true other', 'true'])
})

t.test('who is told of the steps cannot change their end: what is live is never called untouched', async (t) => {
  const { dir, run, orderOf } = await open(t)
  const onStep = ({ name }: Step): void => {
    if (name === 'settle' || name === 'rollback') throw new Error('the log is gone')
  }

  const deployed = await run([{ ...orderOf('a'), onStep }])
  const undone = await run([{ ...orderOf('b', { reload_command: 'false' }), onStep }])

  t.match(deployed.get('a'), { outcome: 'deployed', host: 'changed', code: null })
  t.match(undone.get('b'), { host: /restored|unknown/, code: /ACTIVATE_FAILED|ROLLBACK_FAILED/ })
  t.match(await readFile(join(dir, 'a', 'cert.pem'), 'utf8'), /BEGIN CERTIFICATE/)
})

t.test('more than a transaction holds follow in a second one of the same service, never beside it', async (t) => {
  const { run, orderOf } = await open(t)

  const ended = await run(Array.from({ length: 103 }, (_, index) => orderOf(`t${index}`)))

  t.same(tally(ended), { deployed: 103 })
  t.equal(stepsOf(ended, 'activate').size, 2)
  t.equal(stepOf(ended.get('t99'), 'activate'), stepOf(ended.get('t0'), 'activate'))
  t.equal(stepOf(ended.get('t100'), 'activate'), stepOf(ended.get('t102'), 'activate'))
  const [settled, begun] = [stepOf(ended.get('t0'), 'settle'), stepOf(ended.get('t102'), 'journal')]
  t.ok(Date.parse(settled?.start ?? '') + (settled?.ms ?? 0) <= Date.parse(begun?.start ?? ''))
})

t.test('of two services that fail and go well, each has its own end', async (t) => {
  const { run, orderOf } = await open(t)

  const ended = await run([
    orderOf('a', { validate_command: 'false' }),
    { ...orderOf('b'), request: { ...orderOf('b').request, connector: 'Apache' } },
  ])

  t.match(ended.get('a'), { outcome: 'rolled-back', code: 'PREFLIGHT_FAILED', host: 'restored' })
  t.match(ended.get('b'), { outcome: 'deployed' })
})

t.test('two deployments to one file by two targets are done in their order', async (t) => {
  const { run, orderOf, dir } = await open(t)
  const newer = await authority.issue({ names: ['www.example.net'] })
  const second = orderOf('b', pathsOf(dir, 'a'))
  const request = { ...second.request, certificatePem: newer.certificatePem, findKey: async () => newer.keyPem }

  const ended = await run([orderOf('a'), { ...second, request }, orderOf('c')])

  t.same([...ended.keys()], ['a', 'c', 'b'])
  t.same(tally(ended), { deployed: 3 })
  t.equal(await readFile(join(dir, 'a', 'cert.pem'), 'utf8'), newer.certificatePem)
})

t.test('one whose port does not show the new leaf is tried alone, after the others together', async (t) => {
  const { run, orderOf } = await open(t)
  const unseen = {
    post_deploy_verify: { endpoint: await serveAnotherLeaf(t) },
    post_deploy_verify_attempts: 1,
  }

  const ended = await run([orderOf('a', unseen), orderOf('b'), orderOf('c')])

  t.same([...ended.keys()], ['b', 'c', 'a'])
  t.match(ended.get('a'), { outcome: 'rolled-back', code: 'VERIFY_FAILED', host: 'restored' })
  t.same(tally(ended), { deployed: 2, 'rolled-back': 1 })
})

t.test('when the stop comes during a transaction that fails, it is undone and not tried again', async (t) => {
  const { run, orderOf, engine, dir } = await open(t)
  const stop = new AbortController()
  const failing = { validate_command: 'false' }
  const first = orderOf('a', failing)
  const stopping: Order = { ...first, onStep: ({ name }) => (name === 'commit' ? stop.abort() : undefined) }

  const ended = await run([stopping, orderOf('b', failing)], stop.signal)

  t.same([...ended], [])
  t.same(await engine.journal.list(), [])
  await t.rejects(readFile(join(dir, 'a', 'cert.pem')), { code: 'ENOENT' })
})

t.test('when the stop comes during a transaction that goes well, all of it ends', async (t) => {
  const { run, orderOf } = await open(t)
  const stop = new AbortController()
  const stopping: Order = { ...orderOf('a'), onStep: () => stop.abort() }

  const ended = await run([stopping, orderOf('b')], stop.signal)

  t.same(tally(ended), { deployed: 2 })
})

interface Opened {
  readonly dir: string
  readonly engine: Engine
  orderOf(target: string, changes?: Readonly<Record<string, unknown>>): Order
  /** Outcomes by target, in the order in which they were told. */
  run(orders: readonly Order[], signal?: AbortSignal): Promise<ReadonlyMap<string, Outcome>>
}

/** A host that nothing listens on, whose commands are true(1) and false(1). */
async function open(t: Test): Promise<Opened> {
  const dir = t.testdir()
  const engine = await openTestEngine(dir, ['true', 'true other', 'false'])
  const folders = ['a', 'b', 'c', ...Array.from({ length: 103 }, (_, index) => `t${index}`)]
  await Promise.all(folders.map((name) => makeFolder(join(dir, name))))
  return {
    dir,
    engine,
    orderOf: (target, changes = {}) => ({
      request: {
        target,
        connector: 'NGINX',
        config: { ...pathsOf(dir, target), validate_command: 'true', reload_command: 'true', ...changes },
        certificatePem: pair.certificatePem,
        findKey: async () => pair.keyPem,
      },
      onStep: () => {},
      onOutcome: async () => {},
    }),
    run: async (orders, signal) => {
      const ended = new Map<string, Outcome>()
      const told = orders.map((order) => ({
        ...order,
        onOutcome: async (outcome: Outcome) => void ended.set(order.request.target, outcome),
      }))
      await deployTogether(told, engine, signal)
      return ended
    },
  }
}

function pathsOf(dir: string, name: string): Readonly<Record<string, string>> {
  return { cert_path: join(dir, name, 'cert.pem'), key_path: join(dir, name, 'key.pem') }
}

function tally(ended: ReadonlyMap<string, Outcome>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of ended.values()) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

/** A step of a transaction is one step of all its members. */
function stepsOf(ended: ReadonlyMap<string, Outcome>, name: Stage): ReadonlySet<Step | undefined> {
  return new Set([...ended.values()].map((outcome) => stepOf(outcome, name)))
}

function stepOf(outcome: Outcome | undefined, name: Stage): Step | undefined {
  return outcome?.steps.find((step) => step.name === name)
}

function commandsOf(outcome: Outcome | undefined, name: Stage): readonly string[] {
  return stepOf(outcome, name)?.commands.map(({ command }) => command.join(' ')) ?? []
}
