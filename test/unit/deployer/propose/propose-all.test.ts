import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Engine } from '../../../../src/deployer/engine.ts'
import { proposeAll } from '../../../../src/deployer/propose/propose-all.ts'
import { OutcomeDraft } from '../../../../src/deployer/transaction/outcome-draft.ts'
import type { Deployment } from '../../../../src/deployer/transaction/transaction.ts'
import { makeFolder, writeText } from '../../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../../src/outcome/outcome.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { changesIn } from '../../../support/changes.ts'
import { openTestEngine } from '../../../support/deployment.ts'
import { journalEntry } from '../../../support/journal-entry.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['www.example.net'] })

t.test('eight are proposed side by side, and have their order all the same', async (t) => {
  const { propose, deploymentOf, most } = await open(t, 8)
  const names = Array.from({ length: 12 }, (_, index) => `t${index}`)

  const { transactions, later } = await propose(names.map((name) => deploymentOf(name)))

  t.same(transactions.map(namesOf), [names])
  t.same(later, [])
  t.equal(most(), 8)
})

t.test(
  'the second one to a target, or to its files, waits in its order, and what is to wait is not even proposed',
  async (t) => {
    const { propose, deploymentOf, proposed } = await open(t)

    const { transactions, later } = await propose([
      deploymentOf('a'),
      deploymentOf('b'),
      deploymentOf('a'),
      deploymentOf('c', 'b'),
      deploymentOf('a'),
      deploymentOf('d'),
    ])

    t.same(transactions.map(namesOf), [['a', 'b', 'd']])
    t.same(namesOf(later), ['a', 'c', 'a'])
    t.same(proposed.toSorted(), ['a', 'b', 'c', 'd'])
  },
)

t.test('one that is refused takes no target from the next', async (t) => {
  const { propose, deploymentOf, ended } = await open(t)

  const { transactions, later } = await propose([deploymentOf('a', '../elsewhere'), deploymentOf('a')])

  t.same(transactions.map(namesOf), [['a']])
  t.same(later, [])
  t.match([...ended], [['a', { outcome: 'refused' }]])
})

t.test(
  'after what was cut off is found in the journal, they are proposed one by one, and it is settled first',
  async (t) => {
    const { propose, deploymentOf, engine, dir, most } = await open(t)
    await writeText(join(dir, 'a', 'cert.pem'), pair.certificatePem)
    const cutOff = await changesIn(join(dir, 'a'), { 'cert.pem': 'cut off' })
    await engine.journal.put('a', journalEntry(cutOff))

    const { transactions } = await propose(['a', 'b', 'c'].map((name) => deploymentOf(name)))

    t.same(transactions.map(namesOf), [['a', 'b', 'c']])
    t.same(await engine.journal.list(), [])
    t.equal(most(), 1)
  },
)

function namesOf(deployments: readonly Deployment[]): readonly string[] {
  return deployments.map(({ request }) => request.target)
}

interface Opened {
  readonly dir: string
  readonly engine: Engine
  readonly ended: Map<string, Outcome>
  /** The targets, as they came to it. */
  readonly proposed: readonly string[]
  /** How many were under way at the same time at most. */
  most(): number
  deploymentOf(target: string, folder?: string): Deployment
  propose(waiting: readonly Deployment[]): ReturnType<typeof proposeAll>
}

/** A host whose targets have a folder each. */
async function open(t: Test, together = 1): Promise<Opened> {
  const dir = t.testdir()
  const engine = await openTestEngine(dir, ['true'])
  const folders = ['a', 'b', 'c', 'd', ...Array.from({ length: 12 }, (_, index) => `t${index}`)]
  await Promise.all(folders.map((name) => makeFolder(join(dir, name))))
  const ended = new Map<string, Outcome>()
  const proposed: string[] = []
  let [under, most] = [0, 0]
  const met = Promise.withResolvers<void>()
  /** Nobody gets a key before so many look for theirs at the same time; then there is time for one too many. */
  const findKey = async (target: string): Promise<string> => {
    proposed.push(target)
    under += 1
    most = Math.max(most, under)
    if (under === together) met.resolve()
    await met.promise
    for (let turn = 0; turn < 20; turn += 1) await setImmediate()
    under -= 1
    return pair.keyPem
  }
  return {
    dir,
    engine,
    ended,
    proposed,
    most: () => most,
    deploymentOf: (target, folder = target) => ({
      request: {
        target,
        connector: 'NGINX',
        config: {
          cert_path: join(dir, folder, 'cert.pem'),
          key_path: join(dir, folder, 'key.pem'),
          validate_command: 'true',
          reload_command: 'true',
        },
        certificatePem: pair.certificatePem,
        findKey: () => findKey(target),
      },
      draft: new OutcomeDraft(engine.clock, () => {}),
      end: async (outcome) => void ended.set(target, outcome),
    }),
    propose: (waiting) => proposeAll(waiting, async () => [], engine),
  }
}
