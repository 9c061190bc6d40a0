import t from 'tap'
import { gather } from '../../../src/courier/gather.ts'
import type { Job } from '../../../src/documents/job.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('after requests the control plane is asked until a poll brings nothing new', async (t) => {
  const { run, said } = open([['r1', 'r2'], ['d1', 'r3'], ['d2', 'd3'], []])

  t.same(await run(), { arrived: 6, requested: { done: 3, putOff: null }, awaited: 0 })

  t.same(said, ['poll', 'request 2', 'poll', 'request 1', 'poll', 'request 0', 'poll', 'request 0'])
})

t.test('a deployment that comes alone waits for nothing', async (t) => {
  const { run, said } = open([['d1'], ['d2']])

  t.match(await run(), { arrived: 1 })

  t.same(said, ['poll', 'request 0'])
})

t.test('deployments wait two seconds for others, and no longer', async (t) => {
  const rounds = Array.from({ length: 100 }, (_, index) => [`d${index}`, `r${index}`])
  const { run, said } = open(rounds, 300)

  await run()

  t.equal(said.filter((word) => word === 'poll').length, 8)
})

t.test('a request that is offered again and again keeps no deployment waiting', async (t) => {
  const { run, said } = open([['r1'], ['r1'], ['r1']])

  await run()

  t.equal(said.filter((word) => word === 'poll').length, 2)
})

t.test('a request that is put off ends it', async (t) => {
  const putOff = new WaxsealError('CONTROL_PLANE_UNREACHABLE')
  const { run, said } = open([['r1', 'd1'], ['d2']], 0, putOff)

  t.match(await run(), { requested: { putOff } })

  t.same(said, ['poll', 'request 1'])
})

t.test('what is signed in the background is waited for, so that its deployments share a reload', async (t) => {
  const { run, said, sleeps } = open([['r1', 'r2'], [], ['d1'], [], ['d2'], ['d3']], 0, null, true)

  t.same(await run(), { arrived: 5, requested: { done: 2, putOff: null }, awaited: 0 })

  t.equal(said.filter((word) => word === 'poll').length, 7, 'as ever, until one brings nothing new')
  t.same(sleeps, [200, 200])
})

t.test('a signing that takes long holds nothing up, and is told', async (t) => {
  const { run, sleeps } = open([['r1', 'r2'], ['d1']], 0, null, true)

  t.match(await run(), { arrived: 3, awaited: 1 })

  t.equal(sleeps.length, 10)
})

t.test('a request that is put off ends it, whatever is being signed', async (t) => {
  const { run, said } = open([['r1']], 0, new WaxsealError('CONTROL_PLANE_UNREACHABLE'), true)

  t.match(await run(), { awaited: 1 })

  t.same(said, ['poll', 'request 1'])
})

/** What each poll brings: `r…` requests, `d…` deployments; a poll takes so many milliseconds. `isBehind`: requests are signed in the background. */
function open(
  rounds: readonly (readonly string[])[],
  pollMs = 0,
  putOff: WaxsealError | null = null,
  isBehind = false,
) {
  const said: string[] = []
  const accepted: string[] = []
  const clock = fakeClock()
  let [round, waiting] = [0, 0]
  const poll = async () => {
    said.push('poll')
    clock.advance(pollMs)
    const ids = rounds[round] ?? []
    round += 1
    waiting = ids.filter((id) => id.startsWith('r')).length
    if (isBehind) accepted.push(...ids.filter((id) => id.startsWith('r')).map((id) => id.slice(1)))
    const jobs = ids.map(
      (id) => ({ id, certificateId: id.slice(1), kind: id.startsWith('r') ? 'issuance' : 'deployment' }) as Job,
    )
    return { jobs, fresh: jobs.length }
  }
  const request = async () => {
    said.push(`request ${waiting}`)
    return { done: waiting, putOff }
  }
  const signal = new AbortController().signal
  const takeAccepted = (): readonly string[] => accepted.splice(0)
  return { said, sleeps: clock.sleeps, run: () => gather({ poll, request, takeAccepted, clock, signal }) }
}
