import { pino } from 'pino'
import t from 'tap'
import { type MatterParts, MatterWatch } from '../../../src/courier/matter-watch.ts'
import { openCourierMemory } from '../../../src/deployer/serve/courier-memory.ts'
import { type Ask, lineOf, readAnswer, readAsk } from '../../../src/documents/ask.ts'
import type { ShownHost } from '../../../src/documents/shown-host.ts'
import { systemClock } from '../../../src/host/clock.ts'
import type { HistoryLine } from '../../../src/journal/history.ts'
import type { Notice } from '../../../src/notice/notice.ts'

const minuteMs = 60_000
const start = Date.parse('2026-11-01T00:00:00Z')

const failed: HistoryLine = {
  time: '2026-11-01T00:00:00Z',
  target: 'target-1',
  targetName: 'postfix',
  connector: 'postfix',
  outcome: 'rolled-back',
  host: 'restored',
  code: 'VERIFY_FAILED',
  message: 'A listener shows another leaf.',
  sha256: null,
  ms: 10,
  job: 'job-1',
}

/** A watch over a real memory of the deployer, with each document as a line; its time passes when it is told to. */
async function site(t: { testdir(): string }, dir = t.testdir()) {
  const memory = await openCourierMemory(dir)
  const sent: Notice[] = []
  const world = {
    now: start,
    last: [] as readonly HistoryLine[],
    isFailing: false,
    isDeployerAway: false,
    controlPlaneError: null as string | null,
    deployerError: null as string | null,
  }
  const asked: string[] = []
  const parts: MatterParts = {
    deployer: {
      ask: async (ask) => {
        if (world.isDeployerAway) throw new Error('away')
        const heard = readAsk(lineOf(ask).trim()) as Extract<Ask, { ask: 'matters' }>
        asked.push(heard.ledger === null ? 'read' : 'write')
        const line = lineOf({ ledger: await memory.matters(heard.ledger) }).trim()
        return readAnswer(ask.ask, line) as never
      },
    },
    channels: [
      {
        name: 'mail',
        send: async (notice) => {
          if (world.isFailing) throw new Error('the MTA is away')
          sent.push(notice)
        },
      },
    ],
    leaveOut: [],
    readMutes: async () => [],
    from: 'mail.example.net',
    readShown: async () => ({ last: world.last, records: [], looks: [] }) as unknown as ShownHost,
    state: {
      get controlPlaneError() {
        return world.controlPlaneError
      },
      get deployerError() {
        return world.deployerError
      },
    },
    clock: { ...systemClock, now: () => world.now },
    log: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  }
  const watch = new MatterWatch(parts)
  return {
    dir,
    world,
    sent,
    asked,
    parts,
    pass: async (minutes: number, by = watch) => {
      for (let minute = 0; minute < minutes; minute++) {
        await by.once()
        world.now += minuteMs
      }
    },
  }
}

t.test('a deployment that was rolled back is told once, and a restart of both halves repeats nothing', async (t) => {
  const first = await site(t)
  first.world.last = [failed]
  await first.pass(30)

  t.equal(first.sent.length, 1)
  t.match(first.sent[0]?.opened, [{ kind: 'deployment', code: 'VERIFY_FAILED', target: 'postfix' }])
  const second = await site(t, first.dir)
  second.world.last = [failed]
  second.world.now = first.world.now
  await second.pass(30)
  t.same(second.sent, [])
  second.world.last = []
  await second.pass(10)
  t.match(second.sent[0]?.over, [{ code: 'VERIFY_FAILED' }])
})

t.test('the deployer is asked to keep it when something was told, and not each minute', async (t) => {
  const { world, asked, pass } = await site(t)
  world.last = [failed]

  await pass(60)

  t.ok(asked.length <= 5, asked.join(' '))
})

t.test('what cannot be sent is kept over a restart, and is the same message', async (t) => {
  const first = await site(t)
  first.world.last = [failed]
  first.world.isFailing = true
  await first.pass(3)
  const second = await site(t, first.dir)
  second.world.last = [failed]
  second.world.now = first.world.now
  await second.pass(10)

  t.equal(second.sent.length, 1)
  t.match(second.sent[0]?.opened, [{ code: 'VERIFY_FAILED' }])
})

t.test('a deployer that takes nothing keeps nobody from being told', async (t) => {
  const { world, sent, pass } = await site(t)
  await pass(1)
  world.isDeployerAway = true
  world.last = [{ ...failed, outcome: 'rollback-failed', host: 'unknown', code: 'ROLLBACK_FAILED' }]

  await pass(5)

  t.equal(sent.length, 1)
  t.match(sent[0]?.opened, [{ kind: 'rollback-failed', code: 'ROLLBACK_FAILED' }])
})

t.test(
  'a hostile control plane whose jobs fail by the thousand makes twelve messages an hour, in bounded length',
  async (t) => {
    const { world, sent, pass } = await site(t)

    for (let minute = 0; minute < 60; minute++) {
      world.last = Array.from({ length: 500 }, (_, at) => ({
        ...failed,
        target: `target-${minute}-${at}`,
        targetName: `x\r\nBcc: all@example.org ${'y'.repeat(5000)}`,
        message: 'z'.repeat(5000),
      }))
      await pass(1)
    }

    t.ok(sent.length <= 12, `${sent.length}`)
    t.ok(sent.every((notice) => JSON.stringify(notice).length < 100_000))
  },
)

t.test('a control plane that is away for some minutes is told to nobody, one that stays away is', async (t) => {
  const { world, sent, pass } = await site(t)
  world.controlPlaneError = 'CONTROL_PLANE_UNREACHABLE: The control plane gave no usable answer.'
  await pass(10)
  t.same(sent, [])

  await pass(10)

  t.match(sent[0]?.opened, [{ kind: 'control-plane', code: 'CONTROL_PLANE_UNREACHABLE' }])
})

t.test('a deployer that stays away is told, be it away from the start of this host or later', async (t) => {
  const fromTheStart = await site(t)
  fromTheStart.world.isDeployerAway = true
  fromTheStart.world.last = [failed]
  await fromTheStart.pass(4)
  t.same(fromTheStart.sent, [], 'it may be starting')
  await fromTheStart.pass(17)
  const opened = fromTheStart.sent.flatMap((notice) => notice.opened)
  t.same(opened.map(({ kind }) => kind).toSorted(), ['deployer', 'deployment'])

  const later = await site(t, t.testdir())
  await later.pass(1)
  later.world.deployerError = 'DEPLOYER_UNREACHABLE: The deployer cannot be reached.'
  await later.pass(16)
  t.match(later.sent[0]?.opened, [{ kind: 'deployer', code: 'DEPLOYER_UNREACHABLE' }])
})

t.test('a deployer that comes back late loses nothing of what it kept, and nothing is told once more', async (t) => {
  const first = await site(t)
  const other = { ...failed, target: 'target-2', targetName: 'dovecot' }
  first.world.last = [failed, other]
  await first.pass(3)
  const second = await site(t, first.dir)
  Object.assign(second.world, { now: first.world.now, last: [failed], isDeployerAway: true })
  await second.pass(10)
  t.equal(second.sent.length, 1, 'it is not known that it was told')

  second.world.isDeployerAway = false
  await second.pass(20)

  t.same(
    second.sent
      .slice(1)
      .flatMap(({ opened, still, over }) => [...opened, ...still, ...over].map(({ target }) => target)),
    ['dovecot'],
    'what is over is told as over, by what the deployer kept',
  )
  const third = await site(t, first.dir)
  Object.assign(third.world, { now: second.world.now, last: [failed] })
  await third.pass(20)
  t.same(third.sent, [])
})
