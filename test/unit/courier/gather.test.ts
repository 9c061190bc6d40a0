import t from 'tap'
import { gather } from '../../../src/courier/gather.ts'
import type { Job } from '../../../src/documents/job.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'

t.test('after requests the control plane is asked until a poll brings nothing new', async (t) => {
  const { run, said } = open([['r1', 'r2'], ['d1', 'r3'], ['d2', 'd3'], []])

  t.same(await run(), { arrived: 6, requested: { done: 3, putOff: null } })

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

/** What each poll brings: `r…` requests, `d…` deployments; a poll takes so many milliseconds. */
function open(rounds: readonly (readonly string[])[], pollMs = 0, putOff: WaxsealError | null = null) {
  const said: string[] = []
  let [round, now, waiting] = [0, 0, 0]
  const poll = async () => {
    said.push('poll')
    now += pollMs
    const ids = rounds[round] ?? []
    round += 1
    waiting = ids.filter((id) => id.startsWith('r')).length
    const jobs = ids.map((id) => ({ id, kind: id.startsWith('r') ? 'issuance' : 'deployment' }) as Job)
    return { jobs, fresh: jobs.length }
  }
  const request = async () => {
    said.push(`request ${waiting}`)
    return { done: waiting, putOff }
  }
  const signal = new AbortController().signal
  return { said, run: () => gather({ poll, request, clock: { now: () => now }, signal }) }
}
