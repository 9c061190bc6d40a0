import t from 'tap'
import type { Look, ShownDane } from '../../../src/documents/shown-host.ts'
import type { DeploymentRecord } from '../../../src/journal/deployment-record.ts'
import type { HistoryLine } from '../../../src/journal/history.ts'
import { targetStatuses } from '../../../src/status/target-status.ts'
import { aLine } from '../../support/status-document.ts'

const now = Date.parse('2026-11-24T12:00:00.000Z')
const leaf = 'ab'.repeat(32)
const other = 'cd'.repeat(32)
const file = { path: '/etc/postfix/cert.pem', role: 'certificate', digest: leaf, mode: 0o644, uid: 0, gid: 0 } as const
const probe = {
  address: '127.0.0.1:25',
  protocol: 'smtp',
  servername: null,
  keyType: null,
  attempts: 1,
  expected: leaf,
  seen: leaf,
  ok: true,
  tlsVersion: 'TLSv1.3',
  ms: 3,
  error: null,
} as const

t.test('a target whose deployment was proven is healthy, with what the deployment saw', async (t) => {
  const [status] = targetStatuses([record()], last(aLine()), [], now)

  t.match(status, {
    state: 'healthy',
    problems: [],
    lookedAt: '2026-11-20T08:00:00.000Z',
    deployed: { daysLeft: 46 },
    files: [{ leaf, ok: true }],
    endpoints: [{ seen: leaf, ok: true }],
  })
})

t.test('a newer look tells what is on disk and served now', async (t) => {
  const [status] = targetStatuses([record()], last(aLine()), [look('2026-11-24T11:00:00.000Z')], now)

  t.match(status, {
    state: 'drifting',
    problems: ['It is not what was deployed.'],
    lookedAt: '2026-11-24T11:00:00.000Z',
    files: [{ leaf: other, ok: false }],
    endpoints: [{ seen: other, ok: false }],
  })
})

t.test('TLSA records of which none matches are a problem, and what is published is told either way', async (t) => {
  const name = { owner: '_25._tcp.mx.example.net', isSecure: true, failed: null } as const
  const publish = `${name.owner}. IN TLSA 3 1 1 ${leaf}`
  const stateWith = (dane: readonly ShownDane[]) =>
    targetStatuses(
      [record()],
      last(aLine()),
      [{ ...look('2026-11-24T11:00:00.000Z'), reasons: [], probes: [probe], dane }],
      now,
    )[0]
  const good = {
    ...name,
    state: 'matches',
    publish: null,
    published: [{ value: `3 1 1 ${leaf}`, matches: true }],
  } as const
  const bad = { ...name, state: 'mismatch', publish, published: [{ value: `3 1 1 ${other}`, matches: false }] } as const
  const unknown = { ...name, state: 'unknown', publish: null, published: [], failed: 'ETIMEOUT' } as const

  t.match(stateWith([good]), { state: 'healthy', problems: [], dane: [good] })
  t.match(stateWith([unknown]), { state: 'healthy', problems: [], dane: [unknown] })
  const refused = stateWith([good, bad])
  t.match(refused, { state: 'drifting', dane: [good, bad] })
  t.match(refused?.problems, [`Publish: ${publish}`])
})

t.test('a deployment that no listener showed is unproven, until a look has seen it', async (t) => {
  const silent = { ...probe, seen: null, ok: false, decides: false, error: 'connect: refused' } as const
  const unproven = { ...record(), probes: [silent], proven: false }
  const seenLater = { ...look('2026-11-24T11:00:00.000Z'), reasons: [], probes: [probe] }

  t.match(targetStatuses([unproven], last(aLine()), [], now), [
    {
      state: 'healthy',
      problems: [/unproven/],
      deployed: { proven: false },
      endpoints: [{ ok: false, decides: false }],
    },
  ])
  t.match(targetStatuses([unproven], last(aLine()), [seenLater], now), [
    { state: 'healthy', problems: [], deployed: { proven: true }, endpoints: [{ ok: true, decides: true }] },
  ])
})

t.test('a record of an older Waxseal is proven where a probe saw the leaf', async (t) => {
  t.match(targetStatuses([record()], last(aLine()), [], now), [{ deployed: { proven: true } }])
  t.match(targetStatuses([{ ...record(), probes: [] }], last(aLine()), [], now), [{ deployed: { proven: false } }])
})

t.test('a look from before the deployment says nothing of it', async (t) => {
  const [status] = targetStatuses([record()], last(aLine()), [look('2026-11-20T07:59:00.000Z')], now)

  t.match(status, { state: 'healthy', files: [{ leaf, ok: true }] })
})

t.test('a target is failed when its last deployment was, and healthy after a good one', async (t) => {
  const bad = aLine({ outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED', message: 'Not seen.' })

  t.match(targetStatuses([record()], last(aLine(), bad), [], now), [
    { state: 'failed', problems: ['The last deployment failed, everything was put back. VERIFY_FAILED: Not seen.'] },
  ])
  t.match(targetStatuses([record()], last(bad, aLine()), [], now), [{ state: 'healthy' }])
})

t.test('a target that nothing was ever deployed to is there, too', async (t) => {
  const bad = aLine({ outcome: 'refused', host: 'untouched', code: 'PATH_NOT_ALLOWED', message: 'No.' })

  t.match(targetStatuses([], last(bad), [], now), [{ target: 'mx1', state: 'failed', deployed: null, files: [] }])
})

for (const days of [6, 47, 90, 200, 398])
  t.test(
    `a certificate of ${days} days is healthy, due, late and failed by the share of its life that is gone`,
    async (t) => {
      const stateAt = (share: number): unknown => {
        const [status] = targetStatuses([lived(days, share)], last(aLine({ job: 'job-1' })), [], now)
        return [status?.state, status?.problems.length]
      }

      t.same(stateAt(0), ['healthy', 0])
      t.same(stateAt(0.66), ['healthy', 0])
      t.same(stateAt(0.67), ['due', 1])
      t.same(stateAt(0.89), ['due', 1])
      t.same(stateAt(0.91), ['late', 1])
      t.same(stateAt(1.001), ['failed', 1])
    },
  )

t.test('a certificate that is due says who has to renew it, and that differs by who deployed it', async (t) => {
  const byJob = targetStatuses([lived(6, 0.7)], last(aLine({ job: 'job-1' })), [], now)[0]?.problems
  const byHand = targetStatuses([lived(6, 0.7)], last(aLine()), [], now)[0]?.problems

  t.match(byJob, [
    /expires in 43 hours, and 70 % of its life are gone: its renewal is due\..*waxseal control-plane certificates/,
  ])
  t.match(byHand, [/its renewal is due\..*ACME client/])
})

t.test('the worst target comes first', async (t) => {
  const records = ['b', 'a', 'c'].map((target) => ({ ...record(), target }))
  const bad = aLine({ target: 'c', code: 'CHECK_FAILED', outcome: 'rolled-back', host: 'restored' })

  t.same(
    targetStatuses(records, last(bad), [], now).map(({ target }) => target),
    ['c', 'a', 'b'],
  )
})

/** By target, as the history has them. */
function last(...lines: readonly HistoryLine[]): ReadonlyMap<string, HistoryLine> {
  return new Map(lines.map((line) => [line.target, line]))
}

function record(notAfter = '2027-01-10T08:00:00.000Z'): DeploymentRecord {
  return {
    target: 'mx1',
    connector: 'postfix',
    service: 'postfix',
    deployed: '2026-11-20T08:00:00.000Z',
    certificate: {
      names: ['mail.example.net'],
      serial: '01',
      notBefore: '2026-11-01T08:00:00.000Z',
      notAfter,
      spkiSha256: other,
      sha256: leaf,
    },
    planDigest: leaf,
    files: [file],
    probes: [probe],
    looks: [],
    check: null,
  }
}

/** Of a certificate with this life in days, this share of which is gone. */
function lived(days: number, share: number): DeploymentRecord {
  const life = days * 86_400_000
  const at = (ms: number): string => new Date(ms).toISOString()
  const { certificate, ...rest } = record()
  const start = now - share * life
  return { ...rest, certificate: { ...certificate, notBefore: at(start), notAfter: at(start + life) } }
}

function look(at: string): Look {
  const reason = 'It is not what was deployed.'
  return {
    target: 'mx1',
    at,
    reasons: [reason],
    probes: [{ ...probe, seen: other, ok: false }],
    files: [{ path: file.path, role: file.role, leaf: other, reason }],
    dane: [],
  }
}
