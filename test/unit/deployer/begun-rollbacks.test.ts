import { join } from 'node:path'
import t, { type Test } from 'tap'
import { beginRollback, begunRollbackSchema, takeRollbacks } from '../../../src/deployer/begun-rollbacks.ts'
import { OutcomeDraft } from '../../../src/deployer/transaction/outcome-draft.ts'
import type { Report } from '../../../src/documents/report.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { openDocumentFolder } from '../../../src/host/file/folder/document-folder.ts'
import { removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { journalEntry } from '../../support/journal-entry.ts'

const begun = { jobId: 'job-1', targetId: 'target', leaf: 'b'.repeat(64) }

t.test('what became of it is told at once, and nothing is left', async (t) => {
  const { stateDir, taken, take } = open(t)
  const told: (readonly Report[])[] = []

  const { outcome, isTold } = await beginRollback(stateDir, begun, systemClock, {
    work: async () => refusal,
    tell: async (reports) => void told.push(reports),
  })

  t.same([outcome, isTold], [refusal, true])
  t.match(told, [[{ kind: 'status', jobId: 'job-1', status: 'Failed', outcome: { outcome: 'refused' } }]])
  await take()
  t.same(taken, [])
})

t.test('what the control plane could not be told the deployer takes, once', async (t) => {
  const { stateDir, taken, take } = open(t)

  const { isTold } = await beginRollback(stateDir, begun, systemClock, {
    work: async () => refusal,
    tell: () => Promise.reject(new WaxsealError('CONTROL_PLANE_UNREACHABLE')),
  })
  await take()
  await take()

  t.equal(isTold, false)
  t.match(taken, [{ kind: 'status', jobId: 'job-1', status: 'Failed', outcome: { outcome: 'refused' } }])
})

t.test('what cannot be written down when it is over is told all the same', async (t) => {
  const { stateDir } = open(t)
  const told: (readonly Report[])[] = []

  const end = await beginRollback(stateDir, begun, systemClock, {
    work: async () => {
      await removeTree(join(stateDir, 'rollbacks'))
      await writeText(join(stateDir, 'rollbacks'), '')
      return refusal
    },
    tell: async (reports) => void told.push(reports),
  })

  t.same(end, { outcome: refusal, isTold: true })
  t.match(told, [[{ jobId: 'job-1', status: 'Failed' }]])
})

t.test('as long as its command is at it nobody speaks for it', async (t) => {
  const { stateDir, taken, take } = open(t)

  await beginRollback(stateDir, begun, systemClock, {
    work: async () => {
      await take()
      return refusal
    },
    tell: async () => {},
  })

  t.same(taken, [])
})

t.test('one that never had its turn is told to be cancelled', async (t) => {
  const { stateDir } = open(t)
  const told: (readonly Report[])[] = []

  const busy = beginRollback(stateDir, begun, systemClock, {
    work: () => Promise.reject(new WaxsealError('STATE_BUSY')),
    tell: async (reports) => void told.push(reports),
  })

  await t.rejects(busy, { code: 'STATE_BUSY' })
  t.same(told, [[{ kind: 'status', jobId: 'job-1', status: 'Cancelled' }]])
})

t.test('of a command that died the record says what is live, when its transaction is over', async (t) => {
  for (const [live, status] of [
    [begun.leaf, 'Completed'],
    ['c'.repeat(64), 'Failed'],
  ] as const) {
    const { taken, take, die, state } = open(t)
    await die()
    state.journal = [{ id: '1', document: journalEntry({ files: [], link: null }), since: 0 }]
    state.live = live

    await take()
    t.same(taken, [], 'the recovery has the word')
    state.journal = []
    await take()
    t.match(taken, [{ kind: 'status', jobId: 'job-1', status }])
    t.notOk('outcome' in (taken[0] ?? {}), 'nobody has seen what is served')
  }
})

const refusal: Outcome = new OutcomeDraft(fakeClock(), () => {}).refuse(new WaxsealError('DANE_MISMATCH'))

function open(t: Test) {
  const stateDir = t.testdir({})
  const taken: Report[] = []
  const state = { journal: [] as readonly unknown[], live: 'c'.repeat(64) }
  type Engine = Parameters<typeof takeRollbacks>[1]
  const engine = {
    records: { get: async () => ({ certificate: { sha256: state.live } }) },
    journal: { list: async () => state.journal },
  } as unknown as Engine
  return {
    stateDir,
    taken,
    state,
    take: () => takeRollbacks(stateDir, engine, async (report) => void taken.push(report)),
    /** As where the process is killed between its first step and its last. */
    die: async () => {
      const folder = await openDocumentFolder({ path: join(stateDir, 'rollbacks'), schema: begunRollbackSchema })
      await folder.put(begun.jobId, { ...begun, reports: null })
    },
  }
}
