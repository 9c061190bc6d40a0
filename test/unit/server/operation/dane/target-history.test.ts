import t from 'tap'
import { neededKeys } from '../../../../../src/server/dane/keys-in-use.ts'
import { targetHistory } from '../../../../../src/server/operation/dane/target-history.ts'
import type { VersionRow } from '../../../../../src/server/store/rows.ts'
import { agentRow, certificateRow, openStoreSite } from '../../../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const [secondMs, hourMs, dayMs] = [1000, 3_600_000, 86_400_000]
const agent = agentRow()

t.test('of the jobs of a long history only those are read that may still matter', async (t) => {
  const { store, setTime } = await openStoreSite(t, { database: undefined, start, agent, targets: ['target-1'] })
  await store.certificates.add(certificateRow(), ['target-1'])
  let now = start
  const add = async (versionNumber: number): Promise<string> => {
    setTime((now += hourMs))
    const life = { notBefore: start, notAfter: start + 900 * dayMs, issuedAt: now, revokedAt: null }
    const names = { serial: `${versionNumber}`, pem: 'PEM', spki: `key-${versionNumber}`, issuer: 'one' }
    const version: VersionRow = { certificateId: 'cert-1', number: versionNumber, ...names, ...life, fingerprint: '' }
    await store.versions.add({ ...version, fingerprint: `leaf-${versionNumber}` })
    const job = { type: 'Deployment', agentId: agent.id, certificateId: 'cert-1', targetId: 'target-1' } as const
    const id = `job-${versionNumber}`
    await store.jobs.add({ ...job, id, versionNumber, status: 'Pending', createdAt: now })
    return id
  }
  const prove = (id: string, at = now + secondMs) => {
    const certificate = { sha256: id.replace('job', 'leaf') }
    const outcome = { outcome: 'deployed', proven: true, certificate }
    return store.jobs.finish({ id, agentId: agent.id, status: 'Completed', error: null, outcome, at })
  }
  for (let number = 1; number <= 100; number += 1) await prove(await add(number))
  const open = await add(101)
  const ended = await add(102)
  const late = await add(103)
  for (let number = 104; number <= 180; number += 1) await prove(await add(number))
  await store.jobs.end(ended, 'an operator ended it', now)
  await prove(late, now + hourMs)
  setTime((now += 2 * hourMs))

  const history = await targetHistory(store, 'target-1')

  t.same(
    history.jobs.slice(50).map(({ id }) => id),
    [late, ended, open],
  )
  const all = await store.jobs.ofTarget('target-1', ['Deployment'], false)
  t.equal(all.length, 180)
  const keys = neededKeys({ ...history, jobs: all })
  t.same(
    neededKeys(history).map(({ spki, why }) => `${spki} ${why}`),
    keys.map(({ spki, why }) => `${spki} ${why}`),
  )
})
