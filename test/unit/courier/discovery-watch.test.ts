import { pino } from 'pino'
import t from 'tap'
import type { DiscoveryReport } from '../../../src/control-plane/discovery-body.ts'
import { entryOf } from '../../../src/control-plane/discovery-body.ts'
import type { Deployer } from '../../../src/courier/deployer.ts'
import { CertificateSearch, chunksOf, watchForCertificates } from '../../../src/courier/discovery-watch.ts'
import { openProgress } from '../../../src/courier/progress.ts'
import type { Discovery, FoundCertificate } from '../../../src/documents/discovery.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const found: FoundCertificate = {
  sha256: 'a'.repeat(64),
  path: '/etc/ssl/a.pem',
  format: 'PEM',
  pem: 'PEM',
  commonName: 'mail.example.net',
  sans: ['mail.example.net'],
  serial: '01',
  issuer: 'CN=CA',
  subject: 'CN=mail.example.net',
  notBefore: '2026-11-01T00:00:00.000Z',
  notAfter: '2027-01-01T00:00:00.000Z',
  keyAlgorithm: 'ECDSA',
  keySize: 256,
  isCa: false,
}
const gone = [{ sha256: 'b'.repeat(64), path: '/etc/ssl/b.pem' }]
const nothing: Discovery = { folders: ['/etc/ssl'], certificates: [], isMore: false, gone: [], errors: [], ms: 5 }

/** A deployer with these answers in turn, the last one for ever, and a control plane. */
function open(
  answers: readonly Discovery[],
  {
    takesGone = true,
    refuse = (): WaxsealError | null => null,
  }: { readonly takesGone?: boolean | null; readonly refuse?: () => WaxsealError | null } = {},
) {
  const words: string[] = []
  const reports: DiscoveryReport[] = []
  const stop = new AbortController()
  let asked = 0
  const ask = async (one: {
    readonly ask: string
    readonly certificates?: readonly object[]
    readonly gone?: readonly object[]
  }) => {
    words.push(one.ask === 'told' ? `told ${one.certificates?.length} ${one.gone?.length}` : one.ask)
    if (one.ask !== 'discover') return {}
    asked += 1
    return answers[Math.min(asked, answers.length) - 1]
  }
  const parts = {
    deployer: { ask } as unknown as Deployer,
    controlPlane: {
      basis: { trust: null, credential: 'c'.repeat(64) },
      takesGone,
      reportDiscovery: async (report: DiscoveryReport) => {
        const error = refuse()
        words.push(error === null ? `report ${report.certificates.length} ${report.gone.length}` : 'refused')
        if (error !== null) throw error
        reports.push(report)
      },
    },
    isSearching: true,
    log: pino({ level: 'silent' }),
    signal: stop.signal,
  }
  return { parts, words, reports, stop, search: new CertificateSearch(parts) }
}

t.test('what is new is told, and is remembered as told only then', async (t) => {
  const { search, words, reports } = open([{ ...nothing, certificates: [found], gone, errors: ['/x is not there.'] }])

  await search.once()

  t.same(words, ['discover', 'report 1 1', 'told 1 1'])
  t.match(reports, [{ folders: ['/etc/ssl'], errors: ['/x is not there.'], ms: 5 }])
})

t.test('what a control plane does not take is not remembered as told', async (t) => {
  const error = new WaxsealError('CONTROL_PLANE_UNREACHABLE', {})
  const { search, words } = open([{ ...nothing, certificates: [found] }], { refuse: () => error })

  await t.rejects(search.once(), { code: 'CONTROL_PLANE_UNREACHABLE' })

  t.same(words, ['discover', 'refused'])
})

t.test('nothing is told of nothing: a server has an error for it', async (t) => {
  const { search, words } = open([nothing])

  await search.once()

  t.same(words, ['discover'])
})

t.test('a server that does not know what is gone is not told of it, and it is forgotten', async (t) => {
  const { search, words } = open([{ ...nothing, gone }], { takesGone: false })

  await search.once()

  t.same(words, ['discover', 'told 0 1'])
})

t.test('what is gone is not forgotten before the server has said what it takes', async (t) => {
  const { search, words } = open([{ ...nothing, gone }], { takesGone: null })

  await t.rejects(search.once(), {
    code: 'CONTROL_PLANE_UNREACHABLE',
    details: { reason: 'it has not said yet what it takes' },
  })

  t.same(words, ['discover'])
})

t.test('where no folder is searched any more, what was told is told to be gone, once', async (t) => {
  const { parts, words } = open([
    { ...nothing, folders: [], gone },
    { ...nothing, folders: [] },
  ])
  const clock = fakeClock(0.5)

  await watchForCertificates({ ...parts, isSearching: false, clock, progress: openProgress() })

  t.same(words, ['discover', 'report 0 1', 'told 0 1'], 'and then it ends')
})

t.test('what could not be searched is told once for each change', async (t) => {
  const bad = { ...nothing, errors: ['/x cannot be read: EACCES.'] }
  const { search, reports } = open([bad, bad, nothing, bad])

  for (let count = 0; count < 4; count += 1) await search.once()

  t.equal(reports.length, 2)
})

t.test('as long as there is more it is asked for, and not without an end', async (t) => {
  const { search, words } = open([{ ...nothing, certificates: [found], isMore: true }])

  await search.once()

  t.equal(words.filter((word) => word === 'discover').length, 50)
})

t.test('no call has more than 500 kB of certificates, and none is lost or comes twice', async (t) => {
  const certificates = Array.from({ length: 900 }, (_, at) => ({ ...found, path: `/${at}`, pem: 'x'.repeat(at * 3) }))

  const chunks = chunksOf(certificates)

  t.same(chunks.flat(), certificates)
  t.ok(chunks.length > 2)
  for (const chunk of chunks) t.ok(JSON.stringify(chunk.map(entryOf)).length <= 500_000)
  t.same(chunksOf([]), [])
})

t.test('each part that was taken stays told when a later one is not', async (t) => {
  let calls = 0
  const refuse = (): WaxsealError | null => {
    calls += 1
    return calls === 2 ? new WaxsealError('CONTROL_PLANE_UNREACHABLE', {}) : null
  }
  const certificates = Array.from({ length: 30 }, (_, at) => ({ ...found, path: `/${at}`, pem: 'x'.repeat(40_000) }))
  const { search, words } = open([{ ...nothing, certificates }], { refuse })

  await t.rejects(search.once())

  t.match(words.join(), /^discover,report (\d+) 0,told \1 0,refused$/)
})

t.test(
  'the first search is spread over two minutes, the next ones come every six hours, a fifth sooner or later',
  async (t) => {
    for (const [random, waits] of [
      [0, [5000, 4.8 * 3_600_000]],
      [1, [125_000, 7.2 * 3_600_000]],
    ] as const) {
      const clock = fakeClock(random)
      const { parts, words, stop } = open([nothing])
      const sleep: typeof clock.sleep = async (ms, signal) => {
        if (clock.sleeps.length === 1) stop.abort()
        await clock.sleep(ms, undefined)
        signal?.throwIfAborted()
      }

      await watchForCertificates({ ...parts, clock: { ...clock, sleep }, progress: openProgress() })

      t.same(words, ['discover'])
      t.same(clock.sleeps.map(Math.round), waits)
    }
  },
)

t.test('after a failure it is tried again in minutes, after a refusal in six hours', async (t) => {
  for (const [error, wait] of [
    [new WaxsealError('CONTROL_PLANE_UNREACHABLE', {}), 360_000],
    [new WaxsealError('CONTROL_PLANE_REFUSED', { status: 403 }), 7.2 * 3_600_000],
  ] as const) {
    const clock = fakeClock(1)
    const { parts, stop } = open([{ ...nothing, certificates: [found] }], { refuse: () => error })
    const sleep: typeof clock.sleep = async (ms, signal) => {
      if (clock.sleeps.length === 1) stop.abort()
      await clock.sleep(ms, undefined)
      signal?.throwIfAborted()
    }

    await watchForCertificates({ ...parts, clock: { ...clock, sleep }, progress: openProgress() })

    t.equal(Math.round(clock.sleeps[1] ?? 0), wait)
  }
})
