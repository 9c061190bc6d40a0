import t from 'tap'
import { Rounds } from '../../../src/courier/rounds.ts'
import type { Answers, Ask, CertificateRequest } from '../../../src/documents/ask.ts'
import type { Job } from '../../../src/documents/job.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'

const job: Job = {
  kind: 'deployment',
  id: 'job-1',
  certificateId: 'cert-1',
  targetId: 'mx1',
  targetType: 'Postfix',
  targetConfig: {},
}

t.test('a job is handed over, its certificate brought, and the deployer followed until it rests', async (t) => {
  const { rounds, words, deployer } = open()
  t.equal(await rounds.accept([job]), 1)

  t.match(await rounds.work(), { done: 1, putOff: null })

  t.same(words(), ['take', 'answers', 'certificate cert-1', 'work', 'answers', 'answers'])
  t.same(deployer.wanted, [])
})

t.test('a deployer that is known to rest is not asked: nothing has to be started', async (t) => {
  const { rounds, words } = open()
  await rounds.work()
  const before = words().length

  await rounds.work()
  await rounds.request()
  await rounds.catchUp()

  t.equal(words().length, before)
})

t.test('what an earlier courier left is asked for at the start', async (t) => {
  const { rounds, words, deployer } = open()
  deployer.wanted.push('cert-7')

  await rounds.work()

  t.ok(words().includes('certificate cert-7'))
})

t.test('a request for a certificate is sent, and the deployer told', async (t) => {
  const { rounds, words, deployer, plane } = open()
  deployer.requests.push({ jobId: 'job-2', certificateId: 'cert-2', csrPem: 'CSR', nextSpki: null })

  t.match(await rounds.request(), { done: 1, putOff: null })

  t.same(plane.signed, ['cert-2 CSR job-2'])
  t.ok(words().includes('delivered job-2 ok'))
})

t.test('what the control plane refuses for good is told to the deployer, what fails for now is put off', async (t) => {
  for (const [status, told] of [
    [404, ['withheld cert-1']],
    [401, []],
    [500, []],
  ] as const) {
    const { rounds, words, plane } = open()
    await rounds.accept([job])
    plane.failure = new WaxsealError(status === 500 ? 'CONTROL_PLANE_UNREACHABLE' : 'CONTROL_PLANE_REFUSED', { status })

    const { putOff } = await rounds.work()

    t.equal(putOff === null, told.length > 0, String(status))
    t.same(
      words().filter((word) => word.startsWith('withheld') || word.startsWith('certificate')),
      told,
    )
    plane.failure = null
    await rounds.work()
    t.equal(words().includes('certificate cert-1'), told.length === 0)
  }
})

t.test('jobs that could not be handed over are kept, and nothing more is claimed until they are', async (t) => {
  const { rounds, words, deployer } = open()
  deployer.failure = new WaxsealError('DEPLOYER_UNREACHABLE')

  t.equal(await rounds.accept([job]), 0)
  await t.rejects(rounds.catchUp(), { code: 'DEPLOYER_UNREACHABLE' })
  deployer.failure = null
  await rounds.catchUp()

  t.same(words(), ['take'])
})

t.test('a deployer without room has nothing more claimed until it has', async (t) => {
  const { rounds, deployer } = open()
  deployer.full = 'the disk is full'

  t.equal(await rounds.accept([job]), 1)
  await t.rejects(rounds.catchUp(), { code: 'SPOOL_FULL', details: { reason: 'the disk is full' } })
  deployer.full = null
  await rounds.catchUp()
})

t.test('a retired agent begins nothing more', async (t) => {
  const { rounds, plane, words } = open()
  await rounds.accept([job])
  plane.failure = new WaxsealError('AGENT_RETIRED')

  await t.rejects(rounds.work(), { code: 'AGENT_RETIRED' })
  t.notOk(words().includes('work'))
})

/** A deployer in few words: it wants the certificates of the jobs that it took, and works through two answers. */
function open() {
  const asks: Ask[] = []
  const deployer = {
    wanted: [] as string[],
    requests: [] as CertificateRequest[],
    full: null as string | null,
    failure: null as WaxsealError | null,
    busy: 0,
  }
  const plane = { signed: [] as string[], failure: null as WaxsealError | null }
  const answerTo = (ask: Ask): unknown => {
    if (ask.ask === 'take') {
      for (const { kind, certificateId } of ask.jobs) if (kind === 'deployment') deployer.wanted.push(certificateId)
      return { fresh: ask.jobs.length, full: deployer.full }
    }
    if (ask.ask === 'certificate' || ask.ask === 'withheld')
      deployer.wanted = deployer.wanted.filter((id) => id !== ask.certificateId)
    if (ask.ask === 'delivered')
      deployer.requests = deployer.requests.filter(({ jobId }) => ask.requests.every((one) => one.jobId !== jobId))
    if (ask.ask === 'work') deployer.busy = 1
    if (ask.ask !== 'answers') return {}
    const isBusy = deployer.busy > 0
    deployer.busy -= 1
    return {
      stamp: String(asks.length),
      isBusy,
      pending: deployer.wanted.length,
      reports: [],
      next: null,
      requests: [...deployer.requests],
      wanted: [...deployer.wanted],
    } satisfies Answers
  }
  const rounds = new Rounds({
    deployer: {
      ask: async (ask) => {
        if (deployer.failure !== null) throw deployer.failure
        asks.push(ask)
        return answerTo(ask) as never
      },
    },
    controlPlane: {
      certificate: async () => {
        if (plane.failure !== null) throw plane.failure
        return 'PEM'
      },
      submitCsr: async (certificateId, csr, about) => {
        plane.signed.push(`${certificateId} ${csr} ${about?.jobId}`)
        return 'signed'
      },
    },
    onReports: () => {},
    log: { warn: () => {} },
    signal: new AbortController().signal,
  })
  return { rounds, deployer, plane, words: () => asks.map(wordOf) }
}

function wordOf(ask: Ask): string {
  if (ask.ask === 'certificate' || ask.ask === 'withheld') return `${ask.ask} ${ask.certificateId}`
  if (ask.ask === 'delivered')
    return `delivered ${ask.requests.map(({ jobId, error }) => `${jobId} ${error?.code ?? 'ok'}`).join()}`
  return ask.ask
}
