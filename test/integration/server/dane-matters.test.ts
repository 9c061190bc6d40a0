import t, { type Test } from 'tap'
import type { Notice } from '../../../src/notice/notice.ts'
import { recordOf } from '../../../src/server/dane/tlsa.ts'
import { turnRolloverOff } from '../../../src/server/operation/dane/turn-rollover.ts'
import { lookForMatters } from '../../../src/server/operation/matter/look-for-matters.ts'
import { addMute, listMatters } from '../../../src/server/operation/matter/mutes.ts'
import { sendNotices } from '../../../src/server/operation/matter/send-notices.ts'
import { openDaneSite } from '../../support/dane-store-site.ts'
import { startPostgres } from '../../support/postgres.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const minuteMs = 60_000
const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: a roll-over that goes as it should is told to nobody`, async (t) => {
    const site = await openSite(t, kind)

    await site.prove('key-2')
    await site.watch(180, 10)
    await site.deploy('key-3')
    await site.watch(180, 10)
    await site.watch(1)

    t.same(await site.claim(), ['job-3'], 'it waited for its record, and for the TTL of before')
    t.same(site.lines(), [])
    t.same(await listMatters(site, false), [])
  })

  t.test(`${kind}: a key that is served and has no record is told at once, once, and when it is over`, async (t) => {
    const site = await openSite(t, kind)
    await site.watch(180, 10)
    site.dns.isRefusing = true
    site.dns.records = [recordOf('of another')]

    await site.watch(15)
    t.same(site.lines(), ['opened DANE_UNMATCHED mail-1 target-1'])
    await site.watch(180, 10)
    t.same(site.lines(), ['opened DANE_UNMATCHED mail-1 target-1'])
    const [matter] = await listMatters(site, false)
    t.match(
      matter?.text,
      /^_25\._tcp\.mail\.example\.net: no record .* refuse it; it could not be published: .*REFUSED/,
    )
    site.dns.isRefusing = false
    await site.watch(20)

    t.same(site.lines(), ['opened DANE_UNMATCHED mail-1 target-1', 'over DANE_UNMATCHED mail-1 target-1'])
  })

  t.test(`${kind}: what a person has to publish is told at once, with the record to paste`, async (t) => {
    const site = await openSite(t, kind, true)
    await site.watch(180, 10)
    await site.deploy('key-2')

    await site.watch(2)
    t.same(site.lines(), ['opened DANE_PUBLISH mail-1 target-1'])
    t.match(site.sent[0]?.opened[0]?.text, '_25._tcp.mail.example.net. IN TLSA 3 1 1 key-2')
    await site.watch(180, 10)
    t.equal(site.lines().length, 1, 'and not again because it takes a while')
    site.dns.records = [...site.dns.records, recordOf('key-2')]
    await site.watch(10)

    t.same(site.lines(), ['opened DANE_PUBLISH mail-1 target-1', 'over DANE_PUBLISH mail-1 target-1'])
  })

  t.test(`${kind}: a deployment that waits for an hour longer than TTLs explain is told`, async (t) => {
    const site = await openSite(t, kind)
    await site.watch(180, 10)
    site.dns.problem = 'ns2.example.net gives no answer'
    await site.deploy('key-2')

    await site.watch(59)
    t.same(site.lines(), [])
    await site.watch(30)
    t.same(site.lines(), ['opened DANE_WAITS mail-1 target-1'])
    t.match(
      site.sent[0]?.opened[0]?.text,
      /^The deployment of mail\.example\.net to target-1 waits .*ns2\.example\.net gives no answer/,
    )
    site.dns.problem = null
    await site.watch(180, 10)

    t.same(site.lines(), ['opened DANE_WAITS mail-1 target-1', 'over DANE_WAITS mail-1 target-1'])
  })

  t.test(`${kind}: a way back that waits so long is told as a rollback`, async (t) => {
    const site = await openSite(t, kind)
    await site.prove('key-2')
    await site.watch(180, 10)
    site.dns.problem = 'ns2.example.net gives no answer'
    site.dns.records = [recordOf('key-2')]
    site.dns.isRefusing = true
    await site.ask('leaf-1')

    await site.watch(90)

    t.same(site.lines(), ['opened DANE_WAITS mail-1 target-1'])
    t.match(
      site.sent[0]?.opened[0]?.text,
      /^The rollback of mail\.example\.net to target-1 waits for TLSA records since /,
    )
  })

  t.test(`${kind}: a record that comes and goes for two days is told, though TTLs explain each wait`, async (t) => {
    const site = await openSite(t, kind)
    await site.watch(180, 10)
    await site.deploy('key-2')
    await site.watch(5)

    site.dns.isRefusing = true
    const turnMinutes = 45
    for (let turn = 0; turn * turnMinutes < 2 * 24 * 60 + turnMinutes; turn += 1) {
      site.dns.records = turn % 2 === 0 ? [recordOf('key-1')] : [recordOf('key-1'), recordOf('key-2')]
      await site.watch(turnMinutes, 15)
      if (turn === 60) t.same(site.lines(), [])
    }

    t.same(site.lines(), ['opened DANE_WAITS mail-1 target-1'])
  })

  t.test(`${kind}: a resolver that is away for half an hour is told to nobody, for longer it is, once`, async (t) => {
    const site = await openSite(t, kind)
    await site.watch(180, 10)

    site.dns.isBelieved = false
    await site.watch(30)
    site.dns.isBelieved = true
    await site.watch(30)
    t.same(site.lines(), [])
    site.dns.isBelieved = false
    await site.watch(180, 10)
    t.same(site.lines(), ['opened DANE_PROBLEM mail-1 target-1'])
    await turnRolloverOff(site, 'operator:ann', 'target-1')
    await site.watch(10)

    t.same(site.lines(), ['opened DANE_PROBLEM mail-1 target-1', 'over DANE_PROBLEM mail-1 target-1'])
  })

  t.test(`${kind}: of DANE nothing is told while its kind is muted`, async (t) => {
    const site = await openSite(t, kind)
    await site.watch(180, 10)
    await addMute(site, 'operator:ann', { kind: 'dane', forS: 86_400 })
    site.dns.isRefusing = true
    site.dns.records = [recordOf('of another')]

    await site.watch(120)

    t.same(site.lines(), [])
    t.match(await listMatters(site, false), [{ kind: 'dane', code: 'DANE_UNMATCHED', isMuted: true }])
  })
}

t.test('nobody is told to publish the first record of a name while the key that is served is not known', async (t) => {
  const site = await openDaneSite(t, { database: undefined, start, isProven: false })
  site.dns.isByHand = true
  const { watch, lines } = watcher(site)
  await site.deploy('key-1')

  await watch(50)
  t.same(lines(), [])
  await watch(60)

  t.same(lines(), ['opened DANE_WAITS mail-1 target-1'])
  t.match((await listMatters(site, false))[0]?.text, 'publish the record of the key that its host serves now')
})

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL', isByHand = false) {
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const site = await openDaneSite(t, { database, start, records: isByHand ? [recordOf('key-1')] : [] })
  site.dns.isByHand = isByHand
  return { ...site, ...watcher(site) }
}

/** What of a site is told, and a clock that has it looked at. */
function watcher(site: Awaited<ReturnType<typeof openDaneSite>>) {
  const { store, advance, pass } = site
  const sent: Notice[] = []
  const channel = { name: 'mail', send: async (notice: Notice) => void sent.push(notice) }
  const settings = { leaveOut: [], silentAfterMs: 3_600_000 } as const
  const presence = { since: (seenAt: number | null) => seenAt ?? start - 86_400_000 }
  return {
    sent,
    lines: () =>
      sent.flatMap((notice) =>
        (['opened', 'still', 'over'] as const).flatMap((list) =>
          notice[list].map(({ code, agent, target }) => `${list} ${code} ${agent ?? '-'} ${target ?? '-'}`),
        ),
      ),
    /** Each minute the roll-over goes on, and it is looked for what is the matter. */
    watch: async (minutes: number, step = 1) => {
      for (let passed = 0; passed < minutes; passed += step) {
        await advance()
        await lookForMatters({ store, presence }, { settings, channels: ['mail'], from: 'certs.example.net' })
        await sendNotices(store, [channel])
        pass(step * minuteMs)
      }
    },
  }
}
