import t, { type Test } from 'tap'
import { toJob } from '../../../../../src/control-plane/to-job.ts'
import {
  answersChallenges,
  askChallenge,
  challengeState,
} from '../../../../../src/server/operation/job/ask-challenge.ts'
import { claimWork } from '../../../../../src/server/operation/job/claim-work.ts'
import { expireJobs } from '../../../../../src/server/operation/job/reap.ts'
import { reportJob } from '../../../../../src/server/operation/job/report-job.ts'
import { workItem } from '../../../../../src/server/route/on-wire.ts'
import { agentRow, certificateRow, openStoreSite } from '../../../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const agent = agentRow({ features: ['lease', 'challenge'] })
const token = 'token_of-a-challenge'
const asked = {
  agentId: agent.id,
  certificateId: 'mc-1',
  name: 'mail.example.net',
  token,
  keyAuthorization: `${token}.${'A'.repeat(43)}`,
  lifetimeS: 600,
}

t.test('a host is asked to answer a challenge, and is heard when it does', async (t) => {
  const { store } = await site(t)

  const jobId = await askChallenge(store, asked)
  t.same(await challengeState(store, jobId), { state: 'waits' })
  const [claimed] = await claimWork({ store }, agent)
  const job = claimed === undefined ? null : toJob(workItem(claimed, agent, 300, ''))

  t.same(job, {
    kind: 'challenge',
    id: jobId,
    certificateId: 'mc-1',
    name: 'mail.example.net',
    token,
    keyAuthorization: asked.keyAuthorization,
    lifetimeMs: 600_000,
  })
  await reportJob({ store }, agent, { jobId, status: 'Completed', error: null, outcome: null })
  t.same(await challengeState(store, jobId), { state: 'answered' })
})

t.test('what the host says against it is heard, and a job that is gone has failed', async (t) => {
  const { store } = await site(t)
  const jobId = await askChallenge(store, asked)
  await claimWork({ store }, agent)

  await reportJob({ store }, agent, { jobId, status: 'Failed', error: 'CHALLENGE_NOT_ALLOWED: …', outcome: null })

  t.same(await challengeState(store, jobId), { state: 'failed', error: 'CHALLENGE_NOT_ALLOWED: …' })
  t.same(await challengeState(store, 'job-none'), { state: 'failed', error: 'its job is gone' })
})

t.test('a host that does not say that it answers challenges is not asked', async (t) => {
  const { store } = await site(t, ['lease'])

  t.notOk(await answersChallenges(store, agent.id))
  await t.rejects(askChallenge(store, asked), /policy\.acme\.http/)

  t.same(await claimWork({ store }, agent), [])
})

t.test('nobody is asked after the life of an answer', async (t) => {
  const { store, pass } = await site(t)
  const jobId = await askChallenge(store, asked)

  pass(601_000)
  await expireJobs(store)

  t.match(await challengeState(store, jobId), { state: 'failed' })
})

async function site(t: Test, features: readonly string[] = agent.features) {
  const made = await openStoreSite(t, {
    database: undefined,
    start,
    agent: { ...agent, features },
    targets: [],
  })
  await made.store.certificates.add(certificateRow({ id: 'mc-1' }), [])
  return made
}
