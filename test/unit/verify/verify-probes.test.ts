import t, { type Test } from 'tap'
import type { Clock } from '../../../src/host/clock.ts'
import type { Probe, RetrySchedule } from '../../../src/plan/plan.ts'
import { longestTurnMs } from '../../../src/verify/look-turns.ts'
import type { Look } from '../../../src/verify/probe-once.ts'
import { SharedLooks } from '../../../src/verify/shared-looks.ts'
import type { Expectation } from '../../../src/verify/verification.ts'
import { verifyProbes } from '../../../src/verify/verify-probes.ts'

const fresh = 'f'.repeat(64)
const stale = '0'.repeat(64)
const other = '1'.repeat(64)
const lookMs = 7

/** Time that passes only in waits and looks: those of the clock, and those of p-retry, which has the runtime's own timers. */
function manualClock(t: Test): { readonly clock: Clock; readonly waits: number[]; pass(ms: number): void } {
  const waits: number[] = []
  let now = 1_000_000
  const pass = (ms: number): void => {
    now += ms
  }
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms)
    pass(ms)
  }
  t.intercept(performance, 'now', { value: () => now })
  // No look here takes as long as the limit of its turn.
  const wait = (done: () => void, ms: number): void => void (ms === longestTurnMs || sleep(ms).then(done))
  t.intercept(globalThis, 'setTimeout', { value: wait })
  return { clock: { now: () => now, sleep, random: () => 0.5 }, waits, pass }
}

function probeAt(port: number, changes: Partial<Probe> = {}): Probe {
  return { host: '127.0.0.1', port, protocol: 'smtp', servername: null, keyType: null, timeoutMs: 10_000, ...changes }
}

function saw(sha256: string): Look {
  const der = new Uint8Array()
  return {
    leaf: { sha256, der },
    certificates: [der],
    tlsVersion: 'TLSv1.3',
    ms: lookMs,
    phases: [],
    failure: null,
    error: null,
  }
}

function failed(error: string): Look {
  const [phase = '', reason = ''] = error.split(': ')
  return { leaf: null, certificates: [], tlsVersion: null, ms: lookMs, phases: [], failure: { phase, reason }, error }
}

/** Looks in turn; the last one for ever. */
function sequence(...looks: readonly Look[]): () => Promise<Look> {
  let next = 0
  return async () => looks[Math.min(next++, looks.length - 1)] ?? failed('none')
}

function expecting(port: number, leaves: readonly string[] = [fresh]): Expectation {
  return { probe: probeAt(port), leaves }
}

const schedules: readonly (readonly [RetrySchedule, readonly number[]])[] = [
  [{ attempts: 1, initialMs: 100, maxMs: 16_000 }, []],
  [{ attempts: 2, initialMs: 100, maxMs: 16_000 }, [100]],
  [{ attempts: 8, initialMs: 100, maxMs: 16_000 }, [100, 200, 400, 800, 1600, 3200, 6400]],
  [{ attempts: 3, initialMs: 1000, maxMs: 16_000 }, [1000, 2000]],
  [{ attempts: 8, initialMs: 1000, maxMs: 16_000 }, [1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]],
  [{ attempts: 4, initialMs: 3000, maxMs: 3000 }, [3000, 3000, 3000]],
  [{ attempts: 3, initialMs: 5000, maxMs: 2000 }, [2000, 2000]],
  [{ attempts: 3, initialMs: 0, maxMs: 16_000 }, []],
]

for (const [retry, expected] of schedules) {
  const { attempts, initialMs, maxMs } = retry
  t.test(`${attempts} tries from ${initialMs} to ${maxMs} ms wait ${expected.join(', ') || 'never'}`, async (t) => {
    const { clock, waits } = manualClock(t)

    const look = sequence(saw(stale))
    const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry, clock, look })

    t.same(waits, expected)
    t.match(outcome, { ok: false, attempts })
  })
}

const eightTries: RetrySchedule = { attempts: 8, initialMs: 100, maxMs: 16_000 }

t.test('a leaf that is there at once is looked at three times in a row, 60 ms apart', async (t) => {
  const { clock, waits } = manualClock(t)

  const outcomes = await verifyProbes({
    expectations: [expecting(25)],
    retry: eightTries,
    clock,
    look: sequence(saw(fresh)),
  })

  t.same(waits, [60, 60])
  t.same(outcomes, [
    {
      address: '127.0.0.1:25',
      protocol: 'smtp',
      servername: null,
      keyType: null,
      attempts: 1,
      expected: fresh,
      seen: fresh,
      tlsVersion: 'TLSv1.3',
      ms: 120,
      error: null,
      ok: true,
      chain: null,
    },
  ])
})

t.test('after another leaf was seen, eight looks in a row have to agree', async (t) => {
  const { clock, waits, pass } = manualClock(t)
  const looks = sequence(failed('connect: refused'), saw(stale), saw(fresh))
  const look = async (): Promise<Look> => {
    pass(lookMs)
    return looks()
  }

  const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry: eightTries, clock, look })

  t.same(waits, [100, 200, 60, 60, 30, 30, 30, 30, 30])
  t.match(outcome, { ok: true, attempts: 3, seen: fresh, error: null, ms: 570 + 10 * lookMs })
})

t.test('an old leaf right after the new one is a mix: twenty looks in a row have to agree', async (t) => {
  const { clock, waits } = manualClock(t)
  const look = sequence(saw(fresh), saw(stale), saw(fresh))

  const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry: eightTries, clock, look })

  t.same(waits, [60, ...Array.from({ length: 20 }, () => 75)])
  t.match(outcome, { ok: true, attempts: 1 })
})

t.test('two masters that answer by turns fail after forty looks, with the share of the others', async (t) => {
  const { clock, waits } = manualClock(t)
  let count = 0
  const look = async (): Promise<Look> => (count++ % 3 === 1 ? saw(stale) : saw(fresh))

  const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry: eightTries, clock, look })

  t.equal(waits.length, 40)
  t.match(outcome, { ok: false, attempts: 1, error: /^35 % of 40 looks saw another leaf/ })
})

t.test('a daemon that notices seconds later that files were put back is waited for', async (t) => {
  const { clock, waits } = manualClock(t)
  const late = Array.from({ length: 30 }, () => saw(stale))
  const look = sequence(saw(fresh), ...late, saw(fresh))

  const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry: eightTries, clock, look })

  t.match(outcome, { ok: true, attempts: 1, error: null })
  t.ok(sum(waits) > 10_000, `it waited for ${sum(waits)} ms`)
})

t.test('a server that fails by turns is another master, too', async (t) => {
  const { clock } = manualClock(t)
  let count = 0
  const look = async (): Promise<Look> => (count++ % 4 === 3 ? failed('starttls: the server said: 454 no') : saw(fresh))

  const [outcome] = await verifyProbes({
    expectations: [expecting(25)],
    retry: eightTries,
    clock,
    look,
    shared: new SharedLooks(async () => 2),
  })

  t.match(outcome, { ok: false, error: /^27 % of 41 looks saw another leaf, or none/ })
})

for (const [sockets, agreeingLooks, looks] of [
  [1, 1, 1],
  [1, 3, 3],
  [1, undefined, 3],
  [0, 1, 3],
  [2, 1, 12],
  [2, 3, 12],
] as const) {
  t.test(`${sockets} sockets, and ${agreeingLooks} looks by the plan: ${looks} looks agree`, async (t) => {
    const { clock, waits } = manualClock(t)

    const [outcome] = await verifyProbes({
      expectations: [expecting(25)],
      retry: eightTries,
      clock,
      look: sequence(saw(fresh)),
      shared: new SharedLooks(async () => sockets),
      ...(agreeingLooks === undefined ? {} : { agreeingLooks }),
    })

    t.match(outcome, { ok: true, attempts: 1 })
    t.equal(waits.length, looks - 1)
  })
}

t.test('the looks for other names at the same address count as well', async (t) => {
  const { clock } = manualClock(t)
  let looks = 0
  const look = async (): Promise<Look> => {
    looks += 1
    return looks <= 10 ? saw(stale) : saw(fresh)
  }
  const names = Array.from({ length: 10 }, (_, index) => `${index}.example.net`)
  const expectations = names.map((servername) => ({ probe: probeAt(443, { servername }), leaves: [fresh] }))

  const outcomes = await verifyProbes({ expectations, retry: eightTries, clock, look })

  t.ok(outcomes.every(({ ok, attempts }) => ok && attempts === 2))
  t.equal(looks, 10 + 3 * 10)
})

function silent(port: number, reason: string): Expectation {
  const before = { leaf: null, chain: [], isChained: false, failure: { phase: 'connect', reason } }
  return { ...expecting(port), before }
}

t.test(
  'a probe that failed before in the same way does not decide, and waits no more once the others agree',
  async (t) => {
    const { clock } = manualClock(t)
    t.intercept(globalThis, 'setTimeout', { value: () => {} })
    const look = async ({ port }: Probe): Promise<Look> => (port === 25 ? saw(fresh) : failed('connect: refused'))

    const outcomes = await verifyProbes({
      expectations: [silent(1, 'refused'), expecting(25), silent(2, 'refused')],
      retry: eightTries,
      clock,
      look,
    })

    t.match(outcomes, [
      { ok: false, decides: false, error: 'connect: refused', attempts: 1 },
      { ok: true },
      { ok: false, decides: false, attempts: 1 },
    ])
  },
)

t.test('where none decides, each looks for the whole schedule; one that shows the new leaf is a proof', async (t) => {
  const { clock } = manualClock(t)
  const mended = sequence(failed('connect: refused'), failed('connect: refused'), saw(fresh))
  const look = async ({ port }: Probe): Promise<Look> => (port === 25 ? mended() : failed('connect: refused'))

  const outcomes = await verifyProbes({
    expectations: [silent(1, 'refused'), silent(25, 'refused')],
    retry: eightTries,
    clock,
    look,
  })

  t.match(outcomes, [
    { ok: false, decides: false, attempts: 8 },
    { ok: true, attempts: 3 },
  ])
  t.notOk('decides' in (outcomes[1] ?? {}))
})

for (const [what, now] of [
  ['in another phase', failed('greeting: refused')],
  ['for another reason', failed('connect: timed out')],
  ['by another leaf', saw(stale)],
] as const)
  t.test(`a probe that failed before and fails now ${what} decides, and has the whole schedule`, async (t) => {
    const { clock } = manualClock(t)
    const look = async ({ port }: Probe): Promise<Look> => (port === 25 ? saw(fresh) : now)

    const outcomes = await verifyProbes({
      expectations: [silent(1, 'refused'), expecting(25)],
      retry: eightTries,
      clock,
      look,
    })

    t.match(outcomes, [{ ok: false, attempts: 8 }, { ok: true }])
    t.notOk('decides' in (outcomes[0] ?? {}))
  })

t.test('an abort ends it between two tries', async (t) => {
  const { clock, waits } = manualClock(t)
  const stop = new AbortController()
  const look = async (): Promise<Look> => {
    stop.abort()
    return saw(stale)
  }

  const [outcome] = await verifyProbes({
    expectations: [expecting(25)],
    retry: eightTries,
    clock,
    look,
    signal: stop.signal,
  })

  t.same(waits, [])
  t.match(outcome, { ok: false, attempts: 1 })
})

t.test('a verification ends after ten minutes, whatever its schedule', async (t) => {
  const { clock, pass } = manualClock(t)
  const look = async (): Promise<Look> => {
    pass(4 * 60_000)
    return saw(stale)
  }

  const retry = { attempts: 100, initialMs: 0, maxMs: 0 }
  const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry, clock, look })

  t.match(outcome, { ok: false, attempts: 3 })
})

t.test('a wait ends with the ten minutes, whatever the schedule', async (t) => {
  const { clock, waits } = manualClock(t)
  const retry = { attempts: 3, initialMs: 2 * 3_600_000, maxMs: 2 * 3_600_000 }

  const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry, clock, look: sequence(saw(stale)) })

  t.same(waits, [10 * 60_000])
  t.match(outcome, { ok: false, attempts: 2 })
})

t.test('a probe that never agrees reports what it saw last', async (t) => {
  const { clock } = manualClock(t)
  const look = sequence(failed('connect: refused'), saw(other), saw(stale))

  const [outcome] = await verifyProbes({
    expectations: [expecting(25)],
    retry: { ...eightTries, attempts: 3 },
    clock,
    look,
  })

  t.match(outcome, { ok: false, attempts: 3, expected: fresh, seen: stale, tlsVersion: 'TLSv1.3', error: null })
})

t.test('an error of the last try is reported, and not the leaf of an earlier one', async (t) => {
  const { clock } = manualClock(t)
  const look = sequence(saw(stale), failed('greeting: the server said: 421 no'))

  const [outcome] = await verifyProbes({
    expectations: [expecting(25)],
    retry: { ...eightTries, attempts: 2 },
    clock,
    look,
  })

  t.match(outcome, { ok: false, seen: null, tlsVersion: null, error: 'greeting: the server said: 421 no' })
})

t.test('each probe is judged by itself, and reported in the order of the plan', async (t) => {
  const { clock } = manualClock(t)
  const look = async ({ port }: Probe): Promise<Look> => (port === 465 ? saw(stale) : saw(fresh))
  const expectations = [expecting(25), expecting(465), expecting(587)]

  const outcomes = await verifyProbes({ expectations, retry: eightTries, clock, look })

  t.same(
    outcomes.map(({ address, ok, attempts }) => [address, ok, attempts]),
    [
      ['127.0.0.1:25', true, 1],
      ['127.0.0.1:465', false, 8],
      ['127.0.0.1:587', true, 1],
    ],
  )
})

t.test('all probes look at the same time', async (t) => {
  const { clock } = manualClock(t)
  const { promise: allAreLooking, resolve } = Promise.withResolvers<void>()
  let looking = 0
  const look = async (): Promise<Look> => {
    looking += 1
    if (looking === 3) resolve()
    await allAreLooking
    return saw(fresh)
  }

  const expectations = [expecting(25), expecting(465), expecting(587)]
  const outcomes = await verifyProbes({ expectations, retry: eightTries, clock, look })

  t.ok(outcomes.every(({ ok }) => ok))
})

t.test('any of several leaves will do', async (t) => {
  const { clock } = manualClock(t)

  const look = sequence(saw(other))
  const [outcome] = await verifyProbes({
    expectations: [expecting(25, [fresh, other])],
    retry: eightTries,
    clock,
    look,
  })

  t.match(outcome, { ok: true, attempts: 1, expected: fresh, seen: other })
})

t.test('a probe that may see no leaf at all never agrees', async (t) => {
  const { clock } = manualClock(t)

  const look = sequence(saw(fresh))
  const [outcome] = await verifyProbes({ expectations: [expecting(25, [])], retry: eightTries, clock, look })

  t.match(outcome, { ok: false, attempts: 8, expected: null, seen: fresh })
})

t.test('a look that throws counts as a try that saw nothing', async (t) => {
  const { clock } = manualClock(t)
  const look = async (): Promise<Look> => {
    throw new Error('broken')
  }

  const [outcome] = await verifyProbes({ expectations: [expecting(25)], retry: eightTries, clock, look })

  t.match(outcome, { ok: false, attempts: 8, seen: null })
})

t.test('an IPv6 address is reported in brackets, with name and key type', async (t) => {
  const { clock } = manualClock(t)
  const probe = probeAt(993, { host: '::1', protocol: 'imap', servername: 'mail.example.net', keyType: 'rsa' })

  const look = sequence(saw(fresh))
  const [outcome] = await verifyProbes({ expectations: [{ probe, leaves: [fresh] }], retry: eightTries, clock, look })

  t.match(outcome, { address: '[::1]:993', protocol: 'imap', servername: 'mail.example.net', keyType: 'rsa' })
})

t.test('no probes are no outcomes', async (t) => {
  const { clock } = manualClock(t)

  t.same(await verifyProbes({ expectations: [], retry: eightTries, clock }), [])
})

function sum(waits: readonly number[]): number {
  return waits.reduce((total, wait) => total + wait, 0)
}
