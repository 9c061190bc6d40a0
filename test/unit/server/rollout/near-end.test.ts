import t from 'tap'
import { dueAt } from '../../../../src/server/renewal/when-due.ts'
import { nearEndAt } from '../../../../src/server/rollout/near-end.ts'

t.test('the end is near in the middle between the planned renewal and the end', async (t) => {
  const version = { certificateId: 'cert-1', notBefore: 0, notAfter: 90 * 86_400_000 }

  for (const share of [null, 0.1, 0.8]) {
    const due = dueAt(version, share)
    t.equal(nearEndAt(version, share), Math.round((due + version.notAfter) / 2))
  }
})
