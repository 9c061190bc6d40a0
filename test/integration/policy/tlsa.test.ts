import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { PolicyConfig } from '../../../src/config/config.ts'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { startStandIn } from '../../../src/demo/mail-host/stand-in.ts'
import { deployAgain, type WantedPair } from '../../../src/deployer/deploy-again.ts'
import { askTlsa, resolversOf } from '../../../src/dns/tlsa.ts'
import { examineDane } from '../../../src/examine/examine-dane.ts'
import type { Finding } from '../../../src/examine/finding.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, filesOf, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { startNsd } from './nsd.ts'
import { opensslDigest } from './openssl-digest.ts'

const authority = await (await makeAuthority()).intermediate()
const foreignKey = 'ab'.repeat(32)
const modes = ['hold', 'warn', 'off'] as const

t.test('TLSA records of a real nsd', { skip: unlessInstalled('nsd', 'openssl') }, async (t) => {
  t.test('a record that matches lets the pair pass without a word', async (t) => {
    for (const dane of modes) {
      const site = await openSite(t)
      const digest = opensslDigest(site.next.certificatePem)
      const records = [...recordsFor(site, `3 1 1 ${foreignKey}`), ...recordsFor(site, `3 1 1 ${digest}`)]

      const outcome = await deployWith(site, dane, await startNsd(t, site.dir, records))

      t.match(outcome, { outcome: 'deployed', code: null }, dane)
      t.same(adviceIn(outcome), [], dane)
    }
  })

  t.test('hold refuses a pair that matches no record, with what to publish, and the host is untouched', async (t) => {
    const site = await openSite(t)
    const before = await filesOf(site.daemon)
    const resolver = await startNsd(t, site.dir, recordsFor(site, `3 1 1 ${foreignKey}`))

    const outcome = await deployWith(site, 'hold', resolver)

    t.match(outcome, { outcome: 'refused', host: 'untouched', stage: 'policy', code: 'DANE_MISMATCH' })
    t.same(publishedIn(outcome.message), recordsFor(site, `3 1 1 ${opensslDigest(site.next.certificatePem)}`))
    t.same(await filesOf(site.daemon), before)
    t.same(await leavesOf(site.daemon), [site.first.sha256, site.first.sha256])
  })

  t.test('a pair that was held is deployed once what the refusal says is pasted into the zone', async (t) => {
    const site = await openSite(t)
    const old = recordsFor(site, `3 1 1 ${foreignKey}`)
    const { message } = await deployWith(site, 'hold', await startNsd(t, site.dir, old))
    const resolver = await startNsd(t, join(site.dir, 'second'), [...old, ...publishedIn(message)])

    const outcome = await deployWith(site, 'hold', resolver)

    t.match(outcome, { outcome: 'deployed', code: null })
    t.same(adviceIn(outcome), [])
  })

  t.test('warn deploys a pair that matches no record, and says what to publish', async (t) => {
    const site = await openSite(t)
    const resolver = await startNsd(t, site.dir, recordsFor(site, `3 1 1 ${foreignKey}`))

    const outcome = await deployWith(site, 'warn', resolver)

    t.match(outcome, { outcome: 'deployed', host: 'changed', code: null })
    t.equal(adviceIn(outcome).length, site.daemon.ports.length)
    t.same(adviceIn(outcome).flatMap(publishedIn), recordsFor(site, `3 1 1 ${opensslDigest(site.next.certificatePem)}`))
    t.same(await leavesOf(site.daemon), [site.next.sha256, site.next.sha256])
  })

  t.test('going back by hand to a pair that matches no record is refused, unless root says so', async (t) => {
    for (const dane of ['hold', 'warn'] as const) {
      const site = await openSite(t)
      const records = recordsFor(site, `3 1 1 ${opensslDigest(site.next.certificatePem)}`)
      const resolvers = [await startNsd(t, site.dir, records)]
      const former = await authority.issue({ names: ['mail.example.net'] })
      await deployPair(await openTestEngine(site.dir, ['true'], { dane: 'off' }), site.daemon, former)
      const engine = await openTestEngine(site.dir, ['true'], { dane, resolvers })
      await deployPair(engine, site.daemon, site.next)
      const [target = ''] = (await engine.records.list()).map(({ id }) => id)
      const back = (wanted: WantedPair) => deployAgain(target, wanted, engine, () => {})

      const refused = await back({})
      t.match(refused, { outcome: 'refused', host: 'untouched', code: 'DANE_MISMATCH' }, dane)
      t.same(publishedIn(refused.message), recordsFor(site, `3 1 1 ${opensslDigest(former.certificatePem)}`))
      t.same(await leavesOf(site.daemon), [site.next.sha256, site.next.sha256])

      t.match(await back({ force: true }), { outcome: 'deployed', code: null }, dane)
      t.same(await leavesOf(site.daemon), [former.sha256, former.sha256])
    }
  })

  t.test('check says whether the live pair matches its records, and nothing where there are none', async (t) => {
    const site = await openSite(t)
    const looked = async (records: readonly string[], place: string): Promise<readonly Finding[]> => {
      const resolvers = [await startNsd(t, join(site.dir, place), records)]
      const engine = await openTestEngine(site.dir, ['true'], { resolvers })
      return examineDane(
        engine,
        (await engine.records.list()).map(({ document }) => document),
      )
    }
    await deployPair(await openTestEngine(site.dir, ['true'], { dane: 'off' }), site.daemon, site.next)
    const live = recordsFor(site, `3 1 1 ${opensslDigest(site.next.certificatePem)}`)

    const good = await looked(live, 'second')
    const bad = await looked(recordsFor(site, `3 1 1 ${foreignKey}`), 'third')

    t.same(
      good.map(({ verdict }) => verdict),
      site.daemon.ports.map(() => 'ok'),
    )
    t.match(good[0]?.detail, /ignore them in a zone that is not signed/)
    t.same(
      bad.map(({ verdict }) => verdict),
      site.daemon.ports.map(() => 'failed'),
    )
    t.same(bad.flatMap(({ detail }) => publishedIn(detail)).toSorted(), live.toSorted())
    t.same(await looked([], 'fourth'), [])
  })

  t.test('off deploys a pair that matches no record, without a word', async (t) => {
    const site = await openSite(t)
    const resolver = await startNsd(t, site.dir, recordsFor(site, `3 1 1 ${foreignKey}`))

    const outcome = await deployWith(site, 'off', resolver)

    t.match(outcome, { outcome: 'deployed', code: null })
    t.same(adviceIn(outcome), [])
  })

  const absent = [
    ['a name without any record (NXDOMAIN)', modes, () => []],
    ['a name with records of another type (NODATA)', modes, (site: Site) => ownersOf(site, 'TXT "here"')],
    ['an alias to no TLSA record', ['hold'], (site: Site) => ownersOf(site, 'CNAME ns.example.net.')],
    ['an alias to a name that does not exist', ['hold'], (site: Site) => ownersOf(site, 'CNAME no.example.net.')],
    ['an alias out of the zone', ['hold'], (site: Site) => ownersOf(site, 'CNAME tlsa.example.org.')],
  ] as const
  for (const [what, daneModes, recordsOf] of absent) {
    t.test(`${what} asks for nothing`, async (t) => {
      for (const dane of daneModes) {
        const site = await openSite(t)

        const outcome = await deployWith(site, dane, await startNsd(t, site.dir, recordsOf(site)))

        t.match(outcome, { outcome: 'deployed', code: null }, dane)
        t.same(adviceIn(outcome), [], dane)
      }
    })
  }

  const failures = [
    ['SERVFAIL', 'mail.broken.example', 'ESERVFAIL'],
    ['REFUSED', 'mail.foreign.example', 'EREFUSED'],
  ] as const
  for (const [what, name, code] of failures) {
    t.test(`${what} blocks nothing: hold and warn say so, off does not ask`, async (t) => {
      for (const dane of modes) {
        const site = await openSite(t, name)

        const outcome = await deployWith(site, dane, await startNsd(t, site.dir, []))

        t.match(outcome, { outcome: 'deployed', code: null }, dane)
        t.same(adviceIn(outcome), dane === 'off' ? [] : [noAnswer(site, name, code)], dane)
      }
    })
  }

  t.test('an alias is followed to its records: to match is enough, not to match is held', async (t) => {
    for (const isMatch of [true, false]) {
      const site = await openSite(t)
      const digest = isMatch ? opensslDigest(site.next.certificatePem) : foreignKey
      const records = [...ownersOf(site, 'CNAME key.example.net.'), `key.example.net. IN TLSA 3 1 1 ${digest}`]

      const outcome = await deployWith(site, 'hold', await startNsd(t, site.dir, records))

      t.equal(outcome.code, isMatch ? null : 'DANE_MISMATCH')
    }
  })

  t.test('records that fill more than one UDP answer are all read', async (t) => {
    const site = await openSite(t)
    const matching = opensslDigest(site.next.certificatePem)
    const others = Array.from({ length: 60 }, (_, index) => index.toString(16).padStart(2, '0').repeat(32))
    const records = [...others, matching].flatMap((digest) => recordsFor(site, `3 1 1 ${digest}`))
    const resolver = await startNsd(t, site.dir, records)

    const answer = await askTlsa(`_${site.daemon.ports[0]?.port}._tcp.mail.example.net`, resolversOf([resolver]))

    t.equal('records' in answer ? answer.records.length : answer.failed, 61)
    t.match(await deployWith(site, 'hold', resolver), { outcome: 'deployed', code: null })
  })

  t.test('the next server is asked when one does not answer', async (t) => {
    const site = await openSite(t)
    const silent = await startSilentServer(t)
    const resolver = await startNsd(t, site.dir, recordsFor(site, `3 1 1 ${foreignKey}`))

    const outcome = await deployWith(site, 'hold', silent.address, resolver)

    t.equal(outcome.code, 'DANE_MISMATCH')
    t.equal(silent.questions(), site.daemon.ports.length)
  })
})

t.test('a server that never answers is asked once for each name and port, and blocks nothing', async (t) => {
  for (const dane of modes) {
    const site = await openSite(t)
    const silent = await startSilentServer(t)

    const outcome = await deployWith(site, dane, silent.address)

    t.match(outcome, { outcome: 'deployed', code: null }, dane)
    t.same(adviceIn(outcome), dane === 'off' ? [] : [noAnswer(site, 'mail.example.net', 'ETIMEOUT')], dane)
    t.equal(silent.questions(), dane === 'off' ? 0 : site.daemon.ports.length, dane)
  }
})

/** A mail host with its first pair, and a pair of another key for the same name. */
interface Site {
  readonly dir: string
  readonly daemon: Daemon
  readonly first: TestPair
  readonly next: TestPair
}

async function openSite(t: Test, name = 'mail.example.net'): Promise<Site> {
  const dir = await makeTemporaryFolder('waxseal-test-')
  const [first, next] = await Promise.all([authority.issue({ names: [name] }), authority.issue({ names: [name] })])
  const daemon = await startStandIn(dir, first)
  for (const place of ['second', 'third', 'fourth']) await mkdir(join(dir, place))
  t.teardown(async () => {
    await daemon.stop()
    await removeTree(dir)
  })
  return { dir, daemon, first, next }
}

async function deployWith(
  { dir, daemon, next }: Site,
  dane: PolicyConfig['dane'],
  ...resolvers: readonly string[]
): Promise<Outcome> {
  return deployPair(await openTestEngine(dir, ['true'], { dane, resolvers }), daemon, next)
}

/** A UDP server that takes every question and answers none. */
async function startSilentServer(t: Test): Promise<{ readonly address: string; readonly questions: () => number }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  let questions = 0
  socket.on('message', () => {
    questions += 1
  })
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  return { address: `127.0.0.1:${socket.address().port}`, questions: () => questions }
}

/** One record at the owner name of each port. */
function ownersOf({ daemon }: Site, record: string): readonly string[] {
  return daemon.ports.map(({ port }) => `_${port}._tcp.mail.example.net. IN ${record}`)
}

function recordsFor(site: Site, data: string): readonly string[] {
  return ownersOf(site, `TLSA ${data}`)
}

/** The records in a text that are ready to paste. */
function publishedIn(text: string): readonly string[] {
  return text.match(/_\d+\._tcp\.\S+ IN TLSA \d \d \d [0-9a-f]+/g) ?? []
}

function noAnswer({ daemon }: Site, name: string, code: string): string {
  const asked = daemon.ports.map(({ port }) => `_${port}._tcp.${name} (${code})`)
  return `No answer about the TLSA records of ${asked.join(', ')}.`
}

/** The warnings that are about TLSA: a Postfix on this machine has its own to say of paths. */
function adviceIn({ warnings }: Outcome): readonly string[] {
  return warnings.filter((warning) => warning.includes('TLSA'))
}
