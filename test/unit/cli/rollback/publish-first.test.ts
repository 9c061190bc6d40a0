import t from 'tap'
import { type PublishFirstParts, publishFirst } from '../../../../src/cli/rollback/publish-first.ts'
import type { RollbackAnswer, RollbackName } from '../../../../src/control-plane/rollback-call.ts'
import { WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const ready: RollbackAnswer = { status: 'ready', job_id: 'job-1', names: [] }
const unseen = { publish: ['_25._tcp.mx.example.net. IN TLSA 3 1 1 ab'], isSeen: false }
const seen = { publish: [], isSeen: true }
const wanted: RollbackName = {
  name: '_25._tcp.mx.example.net',
  state: 'wanted',
  usable_at: null,
  by_hand: false,
  problem: null,
}

t.test('it goes back when the control plane and its own resolver say so, and not before', async (t) => {
  const published: RollbackName = { ...wanted, state: 'published', usable_at: '2026-11-01T00:05:00.000Z' }
  const world = open(
    [waitingFor(wanted), waitingFor({ ...wanted, state: 'publishing' }), waitingFor(published), ready, ready],
    [unseen, unseen, seen, unseen, seen],
  )

  t.same(await world.run(), { jobId: 'job-1' })

  t.same(world.asked, [null, 'job-1', 'job-1', 'job-1', 'job-1'])
  t.same(world.givenUp, [])
  t.match(world.told, [
    /record of the older key published \(job job-1\).*Ctrl-C/,
    /is being published/,
    /published, and not seen at every server yet/,
    /senders know it from 2026-11-01T00:05/,
    /resolver of this host does not show/,
  ])
  t.same(world.clock.sleeps, [2000, 3000, 4500, 6750])
})

t.test('where the control plane publishes nothing it says why, and what it asked for is given up', async (t) => {
  const byHand = { ...wanted, by_hand: true }
  for (const [first, why] of [
    [null, /a version that knows nothing of rollbacks/],
    [nothing('off'), /roll-over is not on for this target/],
    [nothing('unknown'), /does not know this target, or this pair/],
    [nothing('revoked'), /was revoked/],
    [waitingFor(byHand), /nobody but a person publishes at _25\._tcp\.mx\.example\.net/],
    [new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: 'ECONNREFUSED' }), /could not be asked: .*ECONNREFUSED/],
    [{ ...waitingFor(wanted), job_id: null }, /no usable answer/],
  ] as const) {
    const world = open([first], [unseen])
    t.match(await world.run(), { alone: why })
    t.same(world.givenUp, first !== null && 'names' in first && first.names[0]?.by_hand === true ? ['job-1'] : [])
  }
})

t.test('a record that a person has published already is waited for', async (t) => {
  const byHand = { ...wanted, by_hand: true }
  const world = open([waitingFor(byHand), ready], [seen, seen])

  t.same(await world.run(), { jobId: 'job-1' })
})

t.test('it waits no longer than it was told, and gives up at once what comes later', async (t) => {
  const late = open(
    Array.from({ length: 999 }, () => waitingFor(wanted)),
    [unseen],
  )
  await t.rejects(late.run(), { code: 'DANE_WAITING', details: { reason: 'the time of --wait is over' } })
  t.equal(
    late.clock.sleeps.reduce((sum, ms) => sum + ms, 0),
    600_000,
  )
  t.same(late.givenUp, ['job-1'])

  const tomorrow = open(
    [waitingFor({ ...wanted, state: 'published', usable_at: '2026-11-02T00:00:00.000Z' })],
    [unseen],
  )
  await t.rejects(tomorrow.run(), { code: 'DANE_WAITING', details: { reason: /2026-11-02T00:00:00/ } })
  t.same([tomorrow.givenUp, tomorrow.clock.sleeps], [['job-1'], []])
})

t.test('Ctrl-C leaves all as it was, at whatever moment', async (t) => {
  for (const at of [1, 2, 3]) {
    const ending = new AbortController()
    const world = open([waitingFor(wanted), ready, ready], [unseen], {
      signal: ending.signal,
      onAsk: (count) => {
        if (count === at) ending.abort()
      },
    })

    await t.rejects(world.run(), { code: 'DANE_WAITING', details: { reason: 'the wait was ended' } })
    t.same(world.givenUp, ['job-1'])
  }
})

t.test('Ctrl-C while the resolver is asked leaves all as it was, though both say that it may go back', async (t) => {
  const ending = new AbortController()
  const world = open([ready], [seen], { signal: ending.signal, onLook: () => ending.abort() })

  await t.rejects(world.run(), { code: 'DANE_WAITING', details: { reason: 'the wait was ended' } })
  t.same(world.givenUp, ['job-1'])
})

t.test('one that ended meanwhile is not gone back to', async (t) => {
  const world = open([waitingFor(wanted), nothing('ended')], [seen])

  await t.rejects(world.run(), { code: 'DANE_WAITING', details: { reason: /has ended it/ } })
})

t.test('a control plane that is away for a while is asked again; one that refuses is not', async (t) => {
  const away = new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: 'ECONNREFUSED' })
  const world = open([waitingFor(wanted), away, away, ready], [seen])
  t.same(await world.run(), { jobId: 'job-1' })
  t.equal(world.told.filter((line) => line.includes('gives no answer')).length, 1)

  const refused = open([waitingFor(wanted), new WaxsealError('CONTROL_PLANE_REFUSED', { status: 403 })], [seen])
  await t.rejects(refused.run(), { code: 'CONTROL_PLANE_REFUSED' })
  t.same(refused.givenUp, ['job-1'])
})

function waitingFor(name: RollbackName): RollbackAnswer {
  return { status: 'waiting', job_id: 'job-1', names: [name] }
}

function nothing(status: 'off' | 'unknown' | 'revoked' | 'ended'): RollbackAnswer {
  return { status, job_id: null, names: [] }
}

/** One after the other; the last look goes on. */
function open(
  answers: readonly (RollbackAnswer | WaxsealError | null)[],
  looks: readonly (typeof unseen | typeof seen)[],
  {
    signal = new AbortController().signal,
    onAsk = () => {},
    onLook = () => {},
  }: { signal?: AbortSignal; onAsk?: (count: number) => void; onLook?: () => void } = {},
) {
  const clock = fakeClock()
  const [asked, givenUp, told]: [(string | null)[], string[], string[]] = [[], [], []]
  let looked = 0
  const parts: PublishFirstParts = {
    ask: async (jobId) => {
      asked.push(jobId)
      onAsk(asked.length)
      const answer = answers[asked.length - 1]
      if (answer === undefined) throw new Error('it is asked too often')
      if (answer instanceof WaxsealError) throw answer
      return answer
    },
    giveUp: async (jobId) => void givenUp.push(jobId),
    look: async () => {
      onLook()
      return looks[Math.min(looked++, looks.length - 1)] ?? seen
    },
    tell: (line) => void told.push(line),
    clock,
    waitMs: 600_000,
    signal,
  }
  return { clock, asked, givenUp, told, run: () => publishFirst(parts) }
}
