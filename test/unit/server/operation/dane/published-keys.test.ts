import t from 'tap'
import { toJob } from '../../../../../src/control-plane/to-job.ts'
import { addJob } from '../../../../../src/server/operation/job/add-job.ts'
import { claimWork } from '../../../../../src/server/operation/job/claim-work.ts'
import { workItem } from '../../../../../src/server/route/on-wire.ts'
import { agentRow, certificateRow, openStoreSite, tlsaRow } from '../../../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const [current, next, other] = ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)]

t.test('a CSR is asked for with each key that a TLSA record of its targets names, once', async (t) => {
  for (const [features, kept] of [
    [
      ['lease', 'key', 'keys'],
      [current, next],
    ],
    [['lease', 'key'], undefined],
  ] as const) {
    const agent = agentRow({ features })
    const about = { database: undefined, start, agent, targets: ['smtp', 'imap', 'web'] }
    const { store } = await openStoreSite(t, about)
    await store.certificates.add(certificateRow(), ['smtp', 'imap'])
    for (const targetId of about.targets)
      await store.rollovers.add({ targetId, turnedOnAt: start, turnedOnBy: 'operator:x', nextLookAt: start })
    for (const [targetId, spki, state] of [
      ['smtp', current, 'published'],
      ['smtp', next, 'wanted'],
      ['imap', current, 'leaving'],
      ['web', other, 'published'],
    ] as const)
      await store.rollovers.putRecord(tlsaRow({ targetId, spki, state, changedAt: start }))
    const wanted = { type: 'Issuance', agentId: agent.id, certificateId: 'cert-1', targetId: null } as const
    await addJob(store, { ...wanted, versionNumber: null })

    const [claimed] = await claimWork({ store }, agent)

    const item = claimed === undefined ? {} : workItem(claimed, agent, 300, '')
    t.match(toJob(item), { kind: 'issuance' })
    t.same((item as { readonly keep_spki?: readonly string[] }).keep_spki?.toSorted(), kept)
  }
})
