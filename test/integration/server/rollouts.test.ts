import t, { type Test } from 'tap'
import { holdAgents } from '../../../src/server/operation/agent/hold-agents.ts'
import { retireAgent } from '../../../src/server/operation/agent/retire-agent.ts'
import { renewCertificate } from '../../../src/server/operation/certificate/renew-certificate.ts'
import { revokeCertificate } from '../../../src/server/operation/certificate/revoke-certificate.ts'
import { cancelJob } from '../../../src/server/operation/job/cancel-job.ts'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { reportJob } from '../../../src/server/operation/job/report-job.ts'
import { renewDue } from '../../../src/server/operation/renewal/scheduler.ts'
import { abandonRollout, resumeRollout } from '../../../src/server/operation/rollout/end-rollout.ts'
import { listRolloutTargets, showRollout } from '../../../src/server/operation/rollout/show-rollout.ts'
import { takeBackRollout } from '../../../src/server/operation/rollout/take-back-rollout.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { startPostgres } from '../../support/postgres.ts'
import { openRolloutSite, type RolloutSite } from '../../support/rollout-site.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const start = Date.parse('2026-11-01T00:00:00Z')
const page = { limit: 1000 }

const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: a wave begins when each host of the one before has its proof`, async (t) => {
    const site = await openSite(t, kind, 10)
    await site.start({ first: ['mail-0001'], shares: [50, 100] })

    const second = (await listRolloutTargets(site, 'r', page)).filter(({ wave }) => wave === 2)
    t.equal(second.length, 4, 'half of ten, with the named one')

    await site.pollAll()
    t.same([...site.touched], ['mail-0001'])
    await site.advance()
    await site.pollAll(({ id }) => (id === second[0]?.agentId ? null : 'proven'))
    await site.advance()
    await site.pollAll()
    t.same([...site.touched].toSorted(), ['mail-0001', ...second.map(({ agentName }) => agentName)].toSorted())
    const [last] = await listRolloutTargets(site, 'r', page, 'open')
    const host = site.agents.find(({ id }) => id === last?.agentId)
    if (host !== undefined) await site.say(host, last?.jobId ?? '', 'proven')
    await site.advance()
    await site.pollAll()
    await site.advance()

    t.equal(site.touched.size, 10)
    t.equal(await site.state(), 'done')
  })

  t.test(
    `${kind}: a host that has no proof yet holds up the next wave, and one of a plain agent comes later`,
    async (t) => {
      const site = await openSite(t, kind, 4, [])
      await site.start({ first: ['mail-0001', 'mail-0002'] })
      const [one, two] = site.agents as [RolloutSite['agents'][0], RolloutSite['agents'][0]]
      const [job] = await claimWork(site, one)
      await reportJob(site, one, { jobId: job?.job.id ?? '', status: 'Completed', error: null, outcome: null })
      await site.poll(two)

      await site.advance()
      t.same(await site.states(), ['open', 'proven', 'waiting', 'waiting'], 'Completed, and nobody has looked')
      await site.verify(one, job?.job.id ?? '', true)
      t.same(await site.states(), ['proven', 'proven', 'waiting', 'waiting'])
      await site.advance()
      t.same(await site.states(), ['proven', 'proven', 'open', 'open'])
      await site.pollAll()
      await site.advance()
      t.equal(await site.state(), 'done')
    },
  )

  t.test(`${kind}: it stops itself at once: what nobody has is cancelled, what runs finishes`, async (t) => {
    const site = await openSite(t, kind, 10)
    await site.start({ stopHosts: 2 })
    const [a, b, c, d] = site.agents as [
      RolloutSite['agents'][0],
      RolloutSite['agents'][0],
      RolloutSite['agents'][0],
      RolloutSite['agents'][0],
    ]
    const [running] = await site.poll(a, null)
    const [taken] = (await claimWork(site, b)).map(({ job }) => job)
    await site.poll(c, 'failed')
    t.equal(await site.state(), 'running', 'one is not enough')
    await site.poll(d, 'unproven')

    t.equal(await site.state(), 'stopped')
    t.match((await showRollout(site, 'r')).rollout.reason, /^2 of its hosts failed; it stops at 2$/)
    t.same(await site.states(), ['open', 'open', 'failed', 'failed', ...Array.from({ length: 6 }, () => 'waiting')])
    for (const host of site.agents.slice(4)) t.same(await site.poll(host), [], host.name)
    t.same(await site.store.jobs.cancelRequests(b.id), [taken?.id], 'that has not begun, as far as is known')
    t.same(await site.store.jobs.cancelRequests(a.id), [])
    await reportJob(site, b, { jobId: taken?.id ?? '', status: 'Cancelled', error: null, outcome: null })
    await site.say(a, running?.id ?? '', 'proven')
    await site.advance()
    t.same((await site.states()).slice(0, 4), ['proven', 'waiting', 'failed', 'failed'])
    t.equal(await site.state(), 'stopped')
    t.match(await listRolloutTargets(site, 'r', page, 'failed'), [
      { agentName: 'mail-0003', error: /^VERIFY_FAILED/ },
      { agentName: 'mail-0004', error: /^unproven/ },
    ])
    const trail = (await audited(site)).filter((action) => action.startsWith('rollout.'))
    t.same(trail, ['rollout.start', 'rollout.begin', 'rollout.stop'])
  })

  t.test(`${kind}: it stops at a share of one wave`, async (t) => {
    const site = await openSite(t, kind, 20)
    await site.start({ stopHosts: null, stopShare: 20, shares: [50, 100] })
    const firstWave = (await listRolloutTargets(site, 'r', page))
      .filter(({ wave }) => wave === 1)
      .map((row) => row.agentName)
    t.equal(firstWave.length, 10)

    await site.pollAll(({ name }) => (name === firstWave[0] ? 'failed' : 'proven'))
    await site.advance()
    t.equal(await site.state(), 'running', 'one of ten')
    const secondWave = site.agents.filter(({ name }) => !firstWave.includes(name))
    for (const host of secondWave.slice(0, 2)) await site.poll(host, 'failed')

    t.equal(await site.state(), 'stopped')
    t.match(
      (await showRollout(site, 'r')).rollout.reason,
      /2 of the 10 hosts of wave 2 failed; it stops at 20 per cent/,
    )
  })

  t.test(`${kind}: a listener that showed another certificate outweighs what was said before`, async (t) => {
    const site = await openSite(t, kind, 2)
    await site.start({ first: ['mail-0001'] })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    const [job] = await site.poll(one, 'proven')
    t.same(await site.states(), ['proven', 'waiting'])

    await site.verify(one, job?.id ?? '', false)

    t.equal(await site.state(), 'stopped')
    t.same(await site.states(), ['failed', 'waiting'])
  })

  t.test(`${kind}: reports that come twice, or after the stop, count once and begin nothing`, async (t) => {
    const site = await openSite(t, kind, 6)
    await site.start({ stopHosts: 2, first: ['mail-0001', 'mail-0002', 'mail-0003'] })
    const [a, b, c] = site.agents as [RolloutSite['agents'][0], RolloutSite['agents'][0], RolloutSite['agents'][0]]
    const [jobA] = await site.poll(a, 'failed')
    for (let count = 0; count < 3; count += 1) await site.say(a, jobA?.id ?? '', 'failed')
    await site.say(a, jobA?.id ?? '', 'proven')
    t.equal(await site.state(), 'running')
    t.same((await site.states()).slice(0, 1), ['failed'], 'the first final state stays')
    const [jobC] = await site.poll(c, null)
    await t.rejects(site.say(b, jobC?.id ?? '', 'failed'), { message: /no such job/ }, 'it is not its own')
    const [jobB] = await site.poll(b, null)
    await Promise.all([1, 2, 3].map(() => site.say(b, jobB?.id ?? '', 'failed')))
    t.equal(await site.state(), 'stopped')

    await site.say(c, jobC?.id ?? '', 'failed')
    await site.verify(c, jobC?.id ?? '', true)
    for (let count = 0; count < 3; count += 1) await site.advance()
    await site.pollAll()

    t.same(await site.states(), ['failed', 'failed', 'failed', 'waiting', 'waiting', 'waiting'])
    t.same([...site.touched], ['mail-0001', 'mail-0003', 'mail-0002'])
    t.equal((await audited(site)).filter((action) => action === 'rollout.stop').length, 1)
  })

  t.test(`${kind}: a host that is silent past its time has failed, and what it says later counts`, async (t) => {
    const site = await openSite(t, kind, 3)
    await site.start({ first: ['mail-0001', 'mail-0002'], stopHosts: 2 })
    const [one, two] = site.agents as [RolloutSite['agents'][0], RolloutSite['agents'][0]]
    const [running] = await site.poll(one, null)
    site.pass(hourMs - 1)
    await site.advance()
    t.same(await site.states(), ['open', 'open', 'waiting'])

    site.pass(1)
    await site.advance()
    t.equal(await site.state(), 'stopped')
    t.match(await listRolloutTargets(site, 'r', page, 'failed'), [
      { error: /^silent: its job is Running, 60 minutes/ },
      { error: /^silent: its job is Pending, 60 minutes/ },
    ])
    t.same(await site.poll(two), [], 'it comes back, and there is nothing left to begin')
    await site.say(one, running?.id ?? '', 'proven')
    t.same(await site.states(), ['proven', 'failed', 'waiting'])
    await site.advance()
    t.equal(await site.state(), 'stopped', 'an operator decides')
  })

  t.test(`${kind}: an agent that cancels what it was not asked to has failed`, async (t) => {
    const site = await openSite(t, kind, 1)
    await site.start()
    const [one] = site.agents as [RolloutSite['agents'][0]]
    const [job] = await site.poll(one, null)

    await reportJob(site, one, { jobId: job?.id ?? '', status: 'Cancelled', error: null, outcome: null })

    t.equal(await site.state(), 'stopped')
    t.same(await site.states(), ['failed'])
  })

  t.test(`${kind}: a renewal makes one new certificate each, and its deployments are part of it`, async (t) => {
    const site = await openSite(t, kind, 3)
    await site.start({ action: 'renew', first: ['mail-0001'] })
    const [one, two] = site.agents as [RolloutSite['agents'][0], RolloutSite['agents'][0]]

    t.match(await site.poll(one), [{ type: 'Renewal' }])
    t.match(await site.poll(one), [{ type: 'Deployment', versionNumber: 2 }])
    t.same(await site.poll(two), [])
    await site.advance()
    await site.pollAll()
    await site.pollAll()
    await site.advance()

    t.equal(await site.state(), 'done')
    for (const { id } of await site.store.certificates.list(page))
      t.match(await site.store.versions.newest(id), { number: 2 })
  })

  t.test(
    `${kind}: a renewal that stops has no key made, nothing signed and nothing deployed from then on`,
    async (t) => {
      const site = await openSite(t, kind, 5)
      await site.start({ action: 'renew' })
      const [a, b, c, d] = site.agents as [
        RolloutSite['agents'][0],
        RolloutSite['agents'][0],
        RolloutSite['agents'][0],
        RolloutSite['agents'][0],
      ]
      await site.poll(a)
      await site.poll(b)
      const told = await claimWork(site, c)
      t.match(told, [{ job: { status: 'AwaitingCSR' } }])
      await site.poll(a, 'failed')

      t.equal(await site.state(), 'stopped')
      t.same(await site.states(), ['failed', 'waiting', 'waiting', 'waiting', 'waiting'])
      for (const host of [b, c, d]) t.same(await site.poll(host), [])
      await resumeRollout(site, 'operator:ann', 'r', false)
      await site.advance()
      await site.pollAll()
      await site.pollAll()
      await site.advance()
      t.same(await site.states(), ['failed', 'proven', 'proven', 'proven', 'proven'])
      t.equal(await site.state(), 'done')
    },
  )

  t.test(
    `${kind}: outside of its window nothing of it is handed out, and what was not begun waits for the next`,
    async (t) => {
      const site = await openSite(t, kind, 3)
      const window = { cron: '0 2 * * *', forMs: 3 * hourMs, timeZone: 'Europe/Berlin' }
      await site.start({ action: 'renew', window, deadlineMs: 4 * hourMs })
      const [a, b] = site.agents as [RolloutSite['agents'][0], RolloutSite['agents'][0]]
      const [opens, ends] = [start + hourMs, start + 4 * hourMs]

      site.setTime(opens - 1)
      await site.advance()
      t.same(await site.poll(a), [])
      site.setTime(opens)
      t.match(await site.poll(a), [{ type: 'Renewal' }])
      await site.poll(a)
      site.setTime(ends - 1)
      await site.poll(b)
      site.setTime(ends)
      t.same(await site.poll(b), [], 'before anybody has looked')
      await site.advance()
      t.same(await site.states(), ['proven', 'open', 'open'], 'silence outside of the window is none')
      site.setTime(opens + dayMs - 1)
      await site.advance()
      for (const host of site.agents) t.same(await site.poll(host), [])
      site.setTime(opens + dayMs)
      await site.pollAll()
      await site.pollAll()
      await site.advance()
      t.equal(await site.state(), 'done')
    },
  )

  t.test(
    `${kind}: what an agent has and has not begun when the window ends is asked back, and comes again`,
    async (t) => {
      const site = await openSite(t, kind, 1)
      await site.start({ window: { cron: '0 0 * * *', forMs: hourMs, timeZone: 'UTC' }, deadlineMs: 2 * hourMs })
      const [one] = site.agents as [RolloutSite['agents'][0]]
      const [had] = (await claimWork(site, one)).map(({ job }) => job)
      site.pass(hourMs)
      await site.advance()

      t.same(await site.store.jobs.cancelRequests(one.id), [had?.id])
      await reportJob(site, one, { jobId: had?.id ?? '', status: 'Cancelled', error: null, outcome: null })
      await site.advance()
      t.same(await site.states(), ['open'])
      t.same(await site.poll(one), [])
      site.setTime(start + dayMs)
      t.match(await site.poll(one), [{ type: 'Deployment' }])
      t.same(await site.states(), ['proven'])
    },
  )

  t.test(`${kind}: the time of a silent host goes on in the next window, and not between them`, async (t) => {
    const site = await openSite(t, kind, 1)
    await site.start({ window: { cron: '0 0 * * *', forMs: hourMs, timeZone: 'UTC' }, deadlineMs: 2.5 * hourMs })
    const stateAt = async (at: number): Promise<readonly string[]> => {
      site.setTime(start + at)
      await site.advance()
      return site.states()
    }

    for (const at of [hourMs, 23 * hourMs, dayMs, dayMs + hourMs, 2 * dayMs, 2 * dayMs + hourMs / 2 - 1])
      t.same(await stateAt(at), ['open'], new Date(start + at).toISOString())
    t.same(await stateAt(2 * dayMs + hourMs / 2), ['failed'])
  })

  t.test(`${kind}: a certificate whose end is near waits for no window, and that is said`, async (t) => {
    const site = await openSite(t, kind, 2)
    const window = { cron: '0 2 1 * *', forMs: hourMs, timeZone: 'UTC' }
    site.pass(3 * hourMs)
    await site.start({ action: 'renew', window, first: ['mail-0001'] })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    t.same(await site.poll(one), [])

    site.setTime(start + 29 * dayMs)
    await site.advance()
    t.match(await site.poll(one), [{ type: 'Renewal' }])
    t.match(await site.poll(one), [{ type: 'Deployment' }], 'so do its deployments')

    t.match(await listRolloutTargets(site, 'r', page), [{ state: 'proven', isHurried: true }, { isHurried: false }])
    t.ok((await audited(site)).includes('rollout.hurry'))
    await site.advance()
    t.match(await listRolloutTargets(site, 'r', page), [{}, { state: 'open', isHurried: true }], 'from its begin on')
  })

  t.test(`${kind}: resume tries again what failed where it is told to, and does not count it twice`, async (t) => {
    const site = await openSite(t, kind, 4)
    await site.start({ first: ['mail-0001', 'mail-0002'], stopHosts: 1 })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    await site.poll(one, 'failed')
    t.equal(await site.state(), 'stopped')
    await t.rejects(resumeRollout(site, 'operator:ann', 'rr', true), { message: /no such roll-out: rr; is r meant/ })

    await resumeRollout(site, 'operator:ann', 'r', true)
    await t.rejects(resumeRollout(site, 'operator:ann', 'r', true), { message: /is running, and not stopped/ })
    await site.advance()
    t.same(await site.states(), ['open', 'open', 'waiting', 'waiting'])
    await site.pollAll()
    await site.advance()
    await site.pollAll(({ name }) => (name === 'mail-0004' ? 'failed' : 'proven'))
    t.equal(await site.state(), 'stopped', 'one more')
    await resumeRollout(site, 'operator:ann', 'r', false)
    await site.advance()

    t.equal(await site.state(), 'done')
    t.same(await site.states(), ['proven', 'proven', 'proven', 'failed'])
  })

  t.test(
    `${kind}: the scheduler leaves what failed to a roll-out that stands, and takes it over when that is abandoned`,
    async (t) => {
      const site = await openSite(t, kind, 2)
      await site.start({ action: 'renew', first: ['mail-0001'] })
      const [one] = site.agents as [RolloutSite['agents'][0]]
      await site.poll(one)
      await site.poll(one, 'failed')
      t.equal(await site.state(), 'stopped')
      const retried = async (): Promise<number> => {
        await renewDue(site.store)
        return (await site.store.jobs.list(page, { targetId: 'target-0001', status: 'Pending' })).length
      }

      site.pass(dayMs)
      t.equal(await retried(), 0)
      await abandonRollout(site, 'operator:ann', 'r')
      t.equal(await site.state(), 'abandoned')
      site.pass(hourMs)
      t.equal(await retried(), 1)
      await t.rejects(abandonRollout(site, 'operator:ann', 'r'), { message: /is abandoned already/ })
    },
  )

  t.test(`${kind}: where the end of what is served is near, the scheduler waits for no operator`, async (t) => {
    const site = await openSite(t, kind, 1)
    await site.start({ action: 'renew' })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    await site.poll(one)
    await site.poll(one, 'failed')

    for (let day = 0; day < 30; day += 1) {
      site.setTime(start + day * dayMs)
      await renewDue(site.store)
    }

    t.equal(await site.state(), 'stopped')
    t.match(await site.store.jobs.list(page, { targetId: 'target-0001', status: 'Pending' }), [{ type: 'Deployment' }])
  })

  t.test(
    `${kind}: each target that was changed goes back to the pair of before, also one that ends later`,
    async (t) => {
      const site = await openSite(t, kind, 5)
      await site.start({ action: 'renew', stopHosts: 1 })
      const [a, b, c, d] = site.agents as [
        RolloutSite['agents'][0],
        RolloutSite['agents'][0],
        RolloutSite['agents'][0],
        RolloutSite['agents'][0],
      ]
      for (const host of [a, b, c, d]) await site.poll(host)
      await site.poll(a, 'proven')
      const [late] = await site.poll(b, null)
      await site.poll(c, 'unproven')
      t.equal(await site.state(), 'stopped')

      await takeBackRollout(site, 'operator:ann', 'r')
      await site.advance()
      const offered = await claimWork(site, a)
      t.match(offered, [{ job: { type: 'TakeBack', versionNumber: 1 }, version: { fingerprint: 'first-0001' } }])
      await reportJob(site, a, { jobId: offered[0]?.job.id ?? '', status: 'Completed', error: null, outcome: null })
      t.match(await claimWork(site, c), [{ job: { type: 'TakeBack' }, version: { fingerprint: 'first-0003' } }])
      t.same(await claimWork(site, d), [], 'it was never changed')
      t.equal(await site.state(), 'taking-back', 'one runs still')
      await site.say(b, late?.id ?? '', 'proven')
      await site.advance()
      t.match(await claimWork(site, b), [{ job: { type: 'TakeBack' } }])
      t.equal(await site.state(), 'taken-back')
      await t.rejects(takeBackRollout(site, 'operator:ann', 'r'), { message: /taken back already/ })
      t.match(await listRolloutTargets(site, 'r', page), [
        { takeBackStatus: 'Completed' },
        {},
        {},
        { state: 'waiting' },
        {},
      ])
    },
  )

  t.test(`${kind}: what was taken back is renewed before it ends`, async (t) => {
    const site = await openSite(t, kind, 1)
    site.pass(lateDay * dayMs)
    await site.start({ action: 'renew' })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    await site.poll(one)
    await site.poll(one, 'proven')
    await takeBackRollout(site, 'operator:ann', 'r')
    await site.advance()
    const [job] = (await claimWork(site, one)).map(({ job: of }) => of)
    await reportJob(site, one, { jobId: job?.id ?? '', status: 'Completed', error: null, outcome: null })

    t.match(
      await dayOfRenewal(site, one.id),
      [/^(28|29|30)$/],
      'half of what lay between its planned renewal and its end was over',
    )
  })

  t.test(
    `${kind}: what was signed, and then was not deployed for the roll-out stopped, is renewed in time`,
    async (t) => {
      const site = await openSite(t, kind, 2)
      site.pass(lateDay * dayMs)
      await site.start({ action: 'renew' })
      const [one, two] = site.agents as [RolloutSite['agents'][0], RolloutSite['agents'][0]]
      for (const host of [one, two]) await site.poll(host)
      await site.poll(one, 'failed')
      t.equal((await site.store.jobs.list(page, { targetId: 'target-0002', status: 'Cancelled' })).length, 1)
      await abandonRollout(site, 'operator:ann', 'r')

      t.match(await dayOfRenewal(site, two.id), [/^(28|29|30)$/], 'what it serves ends on day 37')
    },
  )

  t.test(`${kind}: a job whose claim was lost before the window ended comes again in the next one`, async (t) => {
    const site = await openSite(t, kind, 1)
    await site.start({ window: { cron: '0 0 * * *', forMs: hourMs, timeZone: 'UTC' }, deadlineMs: 2 * hourMs })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    site.pass(hourMs - 1)
    await claimWork(site, one)
    site.pass(10 * minuteMs)
    await site.advance()
    t.same(await claimWork(site, one), [], 'its lease is over, and so is the window')

    site.setTime(start + dayMs)
    const [again] = await claimWork(site, one)
    t.match(again, { job: { attempt: 2 } })
    t.same(await site.store.jobs.cancelRequests(one.id), [again?.job.id], 'the agent knows that it was called back')
    await reportJob(site, one, { jobId: again?.job.id ?? '', status: 'Cancelled', error: null, outcome: null })
    await site.advance()
    t.match(await site.poll(one), [{ type: 'Deployment' }], 'and gets another one at once')
    t.same(await site.states(), ['proven'])
  })

  t.test(`${kind}: a retired agent and a job that an operator cancelled count neither way`, async (t) => {
    const site = await openSite(t, kind, 3)
    await site.start({ first: ['mail-0001', 'mail-0002'] })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    const [row] = await listRolloutTargets(site, 'r', page)
    await cancelJob(site, 'operator:ann', row?.jobId ?? '')
    await retireAgent(site, 'operator:ann', 'mail-0002')
    await retireAgent(site, 'operator:ann', 'mail-0003')
    await site.advance()
    await site.advance()

    t.same(await site.poll(one), [])
    t.same(await site.states(), ['skipped', 'skipped', 'skipped'])
    t.match(await listRolloutTargets(site, 'r', page), [{ error: /an operator cancelled/ }, { error: /retired/ }, {}])
    t.equal(await site.state(), 'done')
  })

  t.test(`${kind}: a certificate that is revoked waits for no window`, async (t) => {
    const site = await openSite(t, kind, 1)
    await site.start({ action: 'renew', window: { cron: '0 12 * * *', forMs: hourMs, timeZone: 'UTC' } })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    t.same(await site.poll(one), [])

    await revokeCertificate(site, 'operator:ann', 'cert-0001')

    t.match(await site.poll(one), [{ type: 'Renewal' }])
    t.match(await site.poll(one), [{ type: 'Deployment', versionNumber: 2 }])
    await site.advance()
    t.equal(await site.state(), 'done')
  })

  t.test(`${kind}: a target that got another certificate after the roll-out is not taken back`, async (t) => {
    const site = await openSite(t, kind, 2)
    await site.start({ action: 'renew' })
    await site.pollAll()
    await site.pollAll(({ name }) => (name === 'mail-0002' ? 'unchanged' : 'proven'))
    await site.advance()
    t.equal(await site.state(), 'done')
    const [one] = site.agents as [RolloutSite['agents'][0]]
    await renewCertificate(site, 'operator:ann', 'cert-0001')
    await site.poll(one)
    await site.poll(one)

    await takeBackRollout(site, 'operator:ann', 'r')
    await site.advance()

    t.equal(await site.state(), 'taken-back')
    t.match(await listRolloutTargets(site, 'r', page), [
      { takeBackId: null, takeBackNote: /another certificate since/ },
      { takeBackId: null, takeBackNote: 'it was not changed' },
    ])
  })

  t.test(`${kind}: a job of a roll-out that was abandoned is still told when it ends`, async (t) => {
    const site = await openSite(t, kind, 1)
    await site.start({ deadlineMs: 2 * hourMs })
    const [one] = site.agents as [RolloutSite['agents'][0]]
    await site.poll(one, null)
    await abandonRollout(site, 'operator:ann', 'r')
    site.pass(2 * hourMs)
    await site.advance()

    t.same(await site.states(), ['failed'])
    t.equal(await site.state(), 'abandoned')
  })

  t.test(`${kind}: a roll-out that ran when the database was backed up stands when it is put back`, async (t) => {
    const site = await openSite(t, kind, 2)
    await site.start({ first: ['mail-0001'] })

    await holdAgents(site.store)
    await site.advance()

    t.equal(await site.state(), 'stopped')
    t.match((await showRollout(site, 'r')).rollout.reason, /put back from a backup/)
    t.same(await site.states(), ['waiting', 'waiting'])
  })

  for (const action of ['deploy', 'renew'] as const)
    t.test(`${kind}: servers that advance one roll-out at once begin each target once: ${action}`, async (t) => {
      const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
      const site = await openRolloutSite(t, { database, start, hosts: 120 })
      const other = kind === 'SQLite' ? site.store : await openStore({ dataDir: '', database, now: () => start })
      if (other !== site.store) t.teardown(() => other.close())
      await site.start({ shares: [10, 50, 100], action })

      for (let round = 0; round < 12; round += 1) {
        await Promise.all([site.advance(), site.advance(other), site.advance(other), site.advance()])
        await Promise.all([site.pollAll(), site.advance(other)])
      }

      t.equal(await site.state(), 'done')
      const jobs = await site.store.jobs.list(page)
      const made = jobs.filter(({ id }) => !id.startsWith('job-of-'))
      t.equal(made.filter(({ type }) => type === 'Renewal').length, action === 'renew' ? 120 : 0)
      t.equal(made.filter(({ type }) => type === 'Deployment').length, 120)
      t.same(new Set(await site.states()), new Set(['proven']))
    })

  for (const [how, isTogether] of [
    ['one after the other', false],
    ['all of a wave at once', true],
  ] as const)
    t.test(
      `${kind}: a roll-out to 1,000 hosts, of which 5 % fail their proof, stops in the first waves: ${how}`,
      async (t) => {
        const site = await openSite(t, kind, 1000)
        await site.start({ first: ['mail-0001', 'mail-0002'], shares: [5, 25, 100], stopHosts: 2 })
        const fails = ({ id }: { readonly id: string }): boolean => Number(id.slice(-4)) % 20 === 11

        for (let round = 0; round < 9 && (await site.state()) === 'running'; round += 1) {
          await rollOn(site, round, isTogether, (host) => (fails(host) ? 'failed' : 'proven'))
          await site.advance()
        }

        const { waves, rollout } = await showRollout(site, 'r')
        const failed = (await listRolloutTargets(site, 'r', page, 'failed')).length
        const begun = waves.filter(({ wave }) => wave <= rollout.wave).reduce((sum, { hosts }) => sum + hosts, 0)
        t.equal(rollout.state, 'stopped')
        t.ok(isTogether ? failed >= 2 : failed === 2)
        t.ok(site.touched.size <= begun && begun <= 250, 'no more than the waves that had begun')
        t.equal(
          waves.reduce((sum, { targets }) => sum + targets.waiting, 0),
          1000 - site.touched.size,
        )
        const told = `${site.touched.size} touched, ${failed} of them failed, in ${rollout.wave} of ${waves.length} waves`
        t.comment(`1,000 hosts, 50 fail their proof, ${how}: ${told}`)
      },
    )
}

/** Hosts take their work in another order each time: each says at once what came of it, or all when all have it. */
async function rollOn(
  site: RolloutSite,
  round: number,
  isTogether: boolean,
  say: (host: RolloutSite['agents'][0]) => 'failed' | 'proven',
): Promise<void> {
  const under: (() => Promise<void>)[] = []
  for (const host of drawn(site.agents, round)) {
    const jobs = await site.poll(host, isTogether ? null : say(host))
    if (isTogether) for (const { id } of jobs) under.push(() => site.say(host, id, say(host)))
  }
  for (const end of under) await end()
}

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL', hosts: number, features?: readonly string[]) {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  return openRolloutSite(t, { database, start, hosts, ...(features === undefined ? {} : { features }) })
}

/** So late is the roll-out that its certificates are due after the end of what they replace. */
const lateDay = 12

/** The day on which the scheduler begins the renewal of this host's certificate; none: it does not while what it had lives. */
async function dayOfRenewal({ store, setTime }: RolloutSite, agentId: string): Promise<readonly number[]> {
  for (let day = lateDay; day < 37; day += 1) {
    setTime(start + day * dayMs)
    await renewDue(store)
    if ((await store.jobs.awaitingCsr(agentId, start + day * dayMs, 1)).length > 0) return [day]
  }
  return []
}

async function audited({ store }: RolloutSite): Promise<readonly string[]> {
  await store.audit.chain(1000)
  return (await store.audit.list({ limit: 1000 })).map(({ action }) => action)
}

/** In another order each time, the same in each run. */
function drawn<Of>(all: readonly Of[], round: number): readonly Of[] {
  return all
    .map((one, at) => ({ one, place: ((at + 1) * 7919 * (round + 1)) % 10_007 }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ one }) => one)
}
