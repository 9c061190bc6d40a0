import t from 'tap'
import { claimWork } from '../../../../../src/server/operation/job/claim-work.ts'
import { expireJobs } from '../../../../../src/server/operation/job/reap.ts'
import { reportJob } from '../../../../../src/server/operation/job/report-job.ts'
import { agentRow, certificateRow, openStoreSite } from '../../../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const minuteMs = 60_000
const agent = agentRow({ features: ['lease'] })

for (const isTaken of [true, false]) {
  t.test(
    `past its deadline a job ${isTaken ? 'that an agent took' : 'that nobody took'} has failed, ${isTaken ? 'until its host tells more' : 'for good'}`,
    async (t) => {
      const { store, pass } = await openStoreSite(t, { database: undefined, start, agent, targets: ['postfix'] })
      await store.certificates.add(certificateRow(), ['postfix'])
      const about = { agentId: agent.id, certificateId: 'cert-1', targetId: 'postfix', versionNumber: 1 }
      const deadline = start + 6 * minuteMs
      await store.jobs.add({ ...about, id: 'job-1', type: 'Deployment', status: 'Pending', createdAt: start, deadline })
      if (isTaken) t.equal((await claimWork({ store }, agent)).length, 1)
      pass(7 * minuteMs)

      await expireJobs(store)
      const error = isTaken ? /an agent took it, and has not said that it began/ : /before an agent took it/
      t.match(await store.jobs.byId('job-1'), { status: 'Failed', error, isReaped: isTaken })
      const outcome = { outcome: 'deployed', proven: true }
      await reportJob({ store }, agent, { jobId: 'job-1', status: 'Completed', error: null, outcome })

      t.match(await store.jobs.byId('job-1'), isTaken ? { status: 'Completed', error: null } : { status: 'Failed' })
    },
  )
}
