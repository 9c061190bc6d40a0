import t from 'tap'
import type { WorkItem } from '../../src/control-plane/wire.ts'
import { callNames, calls, rewriteJobs, spoilOnce } from './support/calls.ts'
import { startFakedSite } from './support/faked-site.ts'
import { allFinal, deploymentsOf, expectOneFinalStateEach, warningsOf } from './support/verdict.ts'

const hour = 3_600_000
const silence = 6 * 60_000

t.test('with nothing in the way a job is done and reported once', async (t) => {
  const site = await startFakedSite(t)
  await site.request()
  const agent = await site.startAgent()

  await allFinal(site, agent, 1)

  await expectOneFinalStateEach(t, site, agent, { deployed: 1 })
})

for (const call of ['csr', 'certificates', 'status final'] as const) {
  t.test(`a control plane that goes down at ${call} for longer than a day gets the one result then`, async (t) => {
    const site = await startFakedSite(t)
    const agent = await site.startAgent()
    let fell = false
    site.line.spoil((path, body) => {
      if (!calls[call].matches({ path, body })) return null
      fell = true
      return 'cut-request'
    })
    await site.request()
    await site.time.until(() => fell)
    await site.line.down()

    await site.time.pass(25 * hour)
    site.line.spoil(() => null)
    await site.line.up()
    await allFinal(site, agent, 1)

    // Where the poll has failed first, no heartbeat is sent.
    const first = call === 'status final' ? 'heartbeat failed' : 'job put off'
    const warnings = [first, 'poll failed']
    await expectOneFinalStateEach(t, site, agent, { deployed: 1, warnings })
  })
}

for (const call of ['work', 'csr', 'certificates', 'status Running', 'status final'] as const) {
  t.test(`a control plane that answers 500 for an hour from ${call} on gets the one result then`, async (t) => {
    const site = await startFakedSite(t)
    const agent = await site.startAgent()
    let isBad = false
    site.line.spoil((path, body) => {
      isBad ||= calls[call].matches({ path, body })
      return isBad ? { status: 500 } : null
    })
    await site.request()
    await site.time.until(() => isBad)

    await site.time.pass(hour)
    site.line.spoil(() => null)
    await allFinal(site, agent, 1)

    const putOff = call === 'csr' || call === 'certificates' ? ['job put off'] : []
    await expectOneFinalStateEach(t, site, agent, {
      deployed: 1,
      warnings: ['heartbeat failed', ...putOff, 'poll failed'],
    })
  })
}

for (const fault of ['cut-request', 'cut-answer'] as const) {
  for (const call of callNames) {
    t.test(`after ${fault} at ${call} every job has one final state`, async (t) => {
      const site = await startFakedSite(t)
      const spoiled = spoilOnce(site, call, fault)
      await site.request()
      const agent = await site.startAgent()

      await site.time.until(spoiled)
      await allFinal(site, agent, 1)

      await expectOneFinalStateEach(t, site, agent, { deployed: 1, warnings: calls[call].warnings })
    })
  }
}

for (const call of callNames.filter((name) => name !== 'csr')) {
  t.test(`after a ${call} that is answered after the time limit every job has one final state`, async (t) => {
    const site = await startFakedSite(t, 1000)
    const spoiled = spoilOnce(site, call, 'late')
    await site.request()
    const agent = await site.startAgent()

    await site.time.until(spoiled)
    await allFinal(site, agent, 1)

    await expectOneFinalStateEach(t, site, agent, { deployed: 1, warnings: calls[call].warnings })
  })
}

t.test('an hour of poor answers to every second request leaves every job with one final state', async (t) => {
  const site = await startFakedSite(t)
  const agent = await site.startAgent()
  let count = 0
  site.line.spoil((path) => (path.endsWith('/work') || count++ % 2 === 0 ? null : 'cut-request'))
  await site.request()
  await allFinal(site, agent, 1)
  await site.request()
  await allFinal(site, agent, 2)

  t.same(
    (await deploymentsOf(site)).map(({ status }) => status),
    ['Completed', 'Completed'],
  )
  t.same(await site.outcomes(), ['deployed', 'deployed'])
  t.notOk(warningsOf(site).some((message) => !/failed$|put off$/.test(message)))
})

for (const fault of ['cut-answer', 'late'] as const) {
  t.test(`a deployment whose claim is lost by ${fault} comes again when its lease ran out, and is done`, async (t) => {
    const site = await startFakedSite(t, fault === 'late' ? 1000 : undefined)
    const agent = await site.startAgent()
    const certificate = await site.request()
    await allFinal(site, agent, 1)
    const spoiled = spoilOnce(site, 'work', fault)
    await site.operator.deploy(certificate, site.targetId)
    await site.time.until(spoiled)
    await site.time.until(() => warningsOf(site).includes('poll failed'))
    t.match(await deploymentsOf(site), [{ status: 'Pending', attempt: 1 }, { status: 'Completed' }])

    await agent.stop()
    await site.time.pass(silence)
    const next = await site.startAgent()
    await allFinal(site, next, 2)

    t.match(await deploymentsOf(site), [
      { status: 'Completed', error: null, attempt: 2 },
      { status: 'Completed', error: null, attempt: 1 },
    ])
  })
}

for (const when of ['in one answer', 'in two answers', 'in two answers with a restart between them'] as const) {
  t.test(`a deployment that comes twice ${when} is done and reported once`, async (t) => {
    const site = await startFakedSite(t)
    let earlier: readonly WorkItem[] = []
    site.line.spoil((path) => {
      if (!path.endsWith('/work')) return null
      return rewriteJobs((jobs) => {
        if (when === 'in one answer') return [...jobs, ...jobs]
        const again = [...jobs, ...earlier.filter(({ type }) => type === 'Deployment')]
        earlier = [...earlier, ...jobs]
        return again
      })
    })
    await site.request()
    const first = await site.startAgent()
    await allFinal(site, first, 1)

    if (when.includes('restart')) await first.stop()
    const agent = when.includes('restart') ? await site.startAgent() : first
    await site.time.pass(hour)

    await expectOneFinalStateEach(t, site, agent, { deployed: 1 })
  })
}

t.test("an older job of a certificate that comes after a newer one's is unchanged, and both are final", async (t) => {
  const site = await startFakedSite(t)
  const agent = await site.startAgent()
  const certificate = await site.request()
  await allFinal(site, agent, 1)
  await site.request()
  await allFinal(site, agent, 2)
  site.line.spoil((path) => (path.endsWith('/work') ? rewriteJobs((jobs) => jobs.toReversed()) : null))
  const older = await site.operator.deploy(certificate, site.targetId)
  const newer = await site.operator.deploy(certificate, site.targetId)

  await allFinal(site, agent, 4)

  t.match(await site.operator.job(newer), { status: 'Completed', outcome: { outcome: 'deployed' } })
  t.match(await site.operator.job(older), { status: 'Completed', outcome: { outcome: 'unchanged' } })
  await expectOneFinalStateEach(t, site, agent, { deployed: 3 })
})

t.test("an older certificate's job that comes after a newer one's is done as asked, each once", async (t) => {
  const site = await startFakedSite(t)
  site.line.spoil((path) => (path.endsWith('/work') ? rewriteJobs((jobs) => jobs.toReversed()) : null))
  await site.request()
  await site.request()

  const agent = await site.startAgent()
  await allFinal(site, agent, 2)

  t.match(await deploymentsOf(site), [{ outcome: { outcome: 'deployed' } }, { outcome: { outcome: 'deployed' } }])
  await expectOneFinalStateEach(t, site, agent, { deployed: 2, served: 'oldest' })
})

t.test(
  'while the certificate of the control plane is expired nothing is lost, and once renewed all is done',
  async (t) => {
    const site = await startFakedSite(t)
    const agent = await site.startAgent()
    await site.request()
    await allFinal(site, agent, 1)
    const [yesterday, lastWeek] = [new Date(Date.now() - 24 * hour), new Date(Date.now() - 7 * 24 * hour)]
    const of = { names: ['localhost'], ips: ['127.0.0.1'] }
    site.line.present(await site.authority.issue({ ...of, notBefore: lastWeek, notAfter: yesterday }))
    await site.request()

    await site.time.pass(hour)
    const failure = site.lines.findLast(({ msg }) => msg === 'poll failed')
    t.match(failure, { code: 'CONTROL_PLANE_UNREACHABLE', details: { reason: /expired/ } })
    site.line.present(await site.authority.issue(of))
    await allFinal(site, agent, 2)

    // Where no connection is open a heartbeat comes behind the poll.
    await expectOneFinalStateEach(t, site, agent, { deployed: 2, warnings: ['poll failed'] })
  },
)

t.test('a CSR is waited for longer than any other answer', async (t) => {
  const site = await startFakedSite(t, 1000)
  site.line.spoil((path) => (path.endsWith('/csr') ? { slowMs: 2000 } : null))
  await site.request()

  const agent = await site.startAgent()
  await allFinal(site, agent, 1)

  await expectOneFinalStateEach(t, site, agent, { deployed: 1 })
})
