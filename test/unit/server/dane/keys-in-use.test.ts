import t from 'tap'
import { neededKeys, type TargetHistory } from '../../../../src/server/dane/keys-in-use.ts'
import type { JobRow, VersionRow } from '../../../../src/server/store/rows.ts'
import { jobRow } from '../../../support/store-site.ts'

const at = Date.parse('2026-11-01T00:00:00Z')
const dayMs = 86_400_000

t.test('what was made by a clock that was ahead is not behind what its host ended since', async (t) => {
  const before = tellingProven({ seq: 1, versionNumber: 1, createdAt: at + dayMs, updatedAt: at + dayMs })
  const after = tellingProven({ seq: 2, versionNumber: 2, createdAt: at - 2000, updatedAt: at - 1000 })

  t.same(servedBy([after, before], [version(2, at - 3000), version(1, at + dayMs)]), ['key-2', 'key-1'])
})

t.test('what was made before a job is not behind it, whatever the times say', async (t) => {
  const before = tellingProven({ seq: 1, versionNumber: 1, createdAt: at - 1000, updatedAt: at })
  const after = tellingProven({ seq: 2, versionNumber: 2, createdAt: at - 3000, updatedAt: at - 2000 })

  t.same(servedBy([after, before], [version(2, at - 4000), version(1, at - 4000)]), ['key-2', 'key-1'])
})

t.test('a version that was issued by a clock that was ahead may have been brought', async (t) => {
  const job = proven({ seq: 1, versionNumber: 1, createdAt: at - 2000, updatedAt: at - 1000 })

  t.same(servedBy([job], [version(2, at + dayMs), version(1, at + dayMs)]), ['key-2', 'key-1'])
})

t.test('the key of the newest version has a record, though its deployment failed', async (t) => {
  const first = proven({ seq: 1, versionNumber: 1, createdAt: at - 4000, updatedAt: at - 3000 })
  const outcome = { outcome: 'rolled-back' }
  const failed = { ...first, seq: 2, status: 'Failed', versionNumber: 2, outcome, createdAt: at - 2000 } as const
  const versions = [version(2, at - 2000), version(1, at - 4000)]

  const needed = neededKeys({ ...historyOf([failed, first], versions), currentVersions: versions.slice(0, 1) })

  t.same(
    needed.map(({ spki, why }) => [spki, why]),
    [
      ['key-1', 'served'],
      ['key-2', 'awaited'],
    ],
  )
})

/** One whose host told the leaf. */
function tellingProven(fields: Parameters<typeof proven>[0]): JobRow {
  const certificate = { sha256: `leaf-${fields.versionNumber}` }
  return { ...proven(fields), outcome: { outcome: 'deployed', proven: true, certificate } }
}

function servedBy(jobs: readonly JobRow[], versions: readonly VersionRow[]): readonly string[] {
  return neededKeys(historyOf(jobs, versions)).map(({ spki }) => spki)
}

function historyOf(jobs: readonly JobRow[], versions: readonly VersionRow[]): TargetHistory {
  return { at, jobs, versions: new Map([['cert-1', versions]]), openKeys: [], currentVersions: [], nextKeys: [] }
}

function version(number: number, issuedAt: number): VersionRow {
  const life = { notBefore: at, notAfter: at + 90 * dayMs, issuedAt, revokedAt: null }
  const names = { serial: `${number}`, pem: `${number}`, spki: `key-${number}`, fingerprint: `leaf-${number}` }
  return { certificateId: 'cert-1', number, issuer: 'one', ...names, ...life }
}

function proven(fields: Pick<JobRow, 'seq' | 'versionNumber' | 'createdAt' | 'updatedAt'>): JobRow {
  const outcome = { outcome: 'deployed', proven: true }
  return jobRow({ id: `job-${fields.seq}`, status: 'Completed', attempt: 1, outcome, ...fields })
}
