import t, { type Test } from 'tap'
import type { Channel } from '../../../src/notice/channel.ts'
import type { Notice } from '../../../src/notice/notice.ts'
import type { NotifySettings } from '../../../src/notice/notify-settings.ts'
import { lookForMatters } from '../../../src/server/operation/matter/look-for-matters.ts'
import { addMute, endMute, listMatters } from '../../../src/server/operation/matter/mutes.ts'
import { sendNotices } from '../../../src/server/operation/matter/send-notices.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { VersionRow } from '../../../src/server/store/rows.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow, openStoreSite } from '../../support/store-site.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const start = Date.parse('2026-11-01T00:00:00Z')
const settings = { leaveOut: [], silentAfterMs: 60 * minuteMs } as const

const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(
    `${kind}: a deployment that was rolled back is told once, and told to be over when the next one is good`,
    async (t) => {
      const site = await openSite(t, kind)
      await site.deploy('Failed', 'VERIFY_FAILED: a listener shows another leaf', { outcome: 'rolled-back' })

      await site.pass(60)
      t.same(site.lines(), ['opened VERIFY_FAILED mail-1 target-1'])
      t.match(site.sent[0]?.opened[0]?.text, 'was rolled back')
      await site.deploy('Completed', null, null)
      await site.pass(60)
      t.same(site.lines(), ['opened VERIFY_FAILED mail-1 target-1', 'over VERIFY_FAILED mail-1 target-1'])
    },
  )

  t.test(`${kind}: each kind of matter is told, with its code`, async (t) => {
    const site = await openSite(t, kind)
    const { store } = site
    await site.deploy('Failed', 'ROLLBACK_FAILED: x', { outcome: 'rollback-failed' })
    await store.certificates.plan('cert-1', { lastError: 'No issuer has signed the certificate. (reason: away)' })
    await store.targets.setDrift({ targetId: 'target-1', reasons: ['Another key.'], since: '2026-11-01T00:00:00Z' })
    await store.presence.record([{ agentId: 'agent-1', seenAt: start, heartbeatAt: start }])
    await store.versions.add(versionRow(start - 82 * dayMs, start + 8 * dayMs))

    await site.pass(120)

    t.same(
      site.lines().toSorted(),
      [
        'opened DRIFT mail-1 target-1',
        'opened ISSUER_FAILED - -',
        'opened LAST_TENTH mail-1 -',
        'opened ROLLBACK_FAILED mail-1 target-1',
        'opened SILENT mail-1 -',
      ].toSorted(),
    )
  })

  t.test(`${kind}: an end that comes nearer is told at each share of the life, and a renewal ends it`, async (t) => {
    const site = await openSite(t, kind)
    await site.store.versions.add(versionRow(start, start + 6 * dayMs))

    await site.pass(6.5 * 24 * 60, 60)
    t.same(
      site.lines().filter((line) => line.startsWith('opened')),
      ['opened END_NEAR mail-1 -', 'opened LAST_TENTH mail-1 -', 'opened EXPIRED mail-1 -'],
    )
    await site.store.versions.add({ ...versionRow(start + 6 * dayMs, start + 12 * dayMs), number: 2 })
    await site.pass(60)
    t.equal(site.lines().at(-1), 'over EXPIRED mail-1 -')
  })

  t.test(`${kind}: of what is muted nothing is told, and it is when the mute ends`, async (t) => {
    const site = await openSite(t, kind)
    const mute = await addMute(site, 'operator:admin', { agent: 'mail-1', forS: 3600 })
    await site.deploy('Failed', 'VERIFY_FAILED: x', null)

    await site.pass(30)
    t.same(site.lines(), [])
    t.match(await listMatters(site, false), [{ code: 'VERIFY_FAILED', isMuted: true }])
    await endMute(site, 'operator:admin', mute.id)
    await site.pass(2)
    t.same(site.lines(), ['opened VERIFY_FAILED mail-1 target-1'])
    await t.rejects(addMute(site, 'operator:admin', { forS: 60 }), /name what is to be muted/)
    await t.rejects(addMute(site, 'operator:admin', { matter: 'no', forS: 60 }), /no such matter/)
  })

  t.test(
    `${kind}: an agent that makes up errors makes no flood: twelve messages an hour, whatever it does`,
    async (t) => {
      const site = await openSite(t, kind)

      for (let minute = 0; minute < 60; minute++) {
        await site.deploy('Failed', `MADE_UP_${minute}: x\r\nBcc: all@example.org`, { outcome: 'rolled-back' })
        await site.pass(1)
      }

      t.same(site.lines(), ['opened OTHER mail-1 target-1'])
      t.ok(site.sent.length <= 12, `${site.sent.length}`)
    },
  )

  t.test(`${kind}: what cannot be sent is tried again, by whoever is there, and is the same message`, async (t) => {
    const site = await openSite(t, kind)
    site.fail(true)
    await site.deploy('Failed', 'VERIFY_FAILED: x', null)

    await site.pass(10)
    t.ok(site.tried.length >= 3 && site.tried.length <= 5, `${site.tried.length} tries in ten minutes`)
    site.fail(false)
    await site.pass(60)

    t.equal(new Set(site.tried).size, 1, 'one message')
    t.same(site.lines(), ['opened VERIFY_FAILED mail-1 target-1'])
  })

  t.test(`${kind}: a channel that is away for a week costs a bounded number of rows`, async (t) => {
    const site = await openSite(t, kind)
    site.fail(true)
    await site.deploy('Failed', 'VERIFY_FAILED: x', null)

    await site.pass(7 * 24 * 60, 60)
    const tries = site.tried.length
    site.fail(false)
    await site.pass(120, 60)

    t.ok(tries < 500, `${tries} tries`)
    t.ok(site.sent.length <= 3, 'what is older than two days is not sent any more')
    t.match(site.lines().at(-1), /^still VERIFY_FAILED/)
  })
}

t.test('PostgreSQL: two servers that look and send at the same moment tell it once', async (t) => {
  const database = await postgres.newDatabase()
  const one = await openSite(t, 'PostgreSQL', database)
  const other = await openStore({ dataDir: t.testdir({}), database, now: () => start + minuteMs })
  t.teardown(() => other.close())
  await one.deploy('Failed', 'VERIFY_FAILED: x', null)

  const servers = [one.store, other]
  for (let turn = 0; turn < 10; turn++) {
    await Promise.all(servers.map((store) => lookForMatters({ store, presence }, one.telling)))
    await Promise.all(servers.map((store) => sendNotices(store, one.channels)))
  }

  t.same(one.lines(), ['opened VERIFY_FAILED mail-1 target-1'])
})

t.test('a server that starts again repeats nothing', async (t) => {
  const dataDir = t.testdir({})
  const sent: string[] = []
  const channel: Channel = { name: 'mail', send: async ({ id }) => void sent.push(id) }
  for (let run = 0; run < 3; run++) {
    const store = await openStore({ dataDir, database: undefined, now: () => start + run * 5 * minuteMs })
    if (run === 0) {
      await store.agents.add(agentRow())
      await store.targets.add({ id: 'target-1', name: 'target-1', agentId: 'agent-1', type: 'Postfix', config: {} })
      await store.targets.setDrift({ targetId: 'target-1', reasons: ['x'], since: '2026-11-01T00:00:00Z' })
    }
    await lookForMatters({ store, presence }, { settings, channels: ['mail'], from: 'certs' })
    await sendNotices(store, [channel])
    await store.close()
  }

  t.equal(sent.length, 1)
})

const presence = { since: (seenAt: number | null) => seenAt ?? start - dayMs }

function versionRow(notBefore: number, notAfter: number): VersionRow {
  return {
    certificateId: 'cert-1',
    number: 1,
    serial: '0a',
    pem: 'PEM',
    notBefore,
    notAfter,
    spki: 'ab',
    fingerprint: 'cd',
    issuer: 'local',
    issuedAt: notBefore,
    revokedAt: null,
  }
}

async function openSite(t: Test, kind: 'SQLite' | 'PostgreSQL', given?: string) {
  const database = given ?? (kind === 'SQLite' ? undefined : await postgres.newDatabase())
  const site = await openStoreSite(t, { database, start, agent: agentRow(), targets: ['target-1'] })
  const { store } = site
  await store.certificates.add(certificateRow({ nextRenewalAt: start + 365 * dayMs }), ['target-1'])
  const sent: Notice[] = []
  const tried: string[] = []
  let isFailing = false
  const channel: Channel = {
    name: 'mail',
    send: async (notice) => {
      tried.push(notice.id)
      if (isFailing) throw new Error('the MTA is away')
      sent.push(notice)
    },
  }
  const telling: { settings: Pick<NotifySettings, 'leaveOut' | 'silentAfterMs'>; channels: string[]; from: string } = {
    settings,
    channels: ['mail'],
    from: 'certs.example.net',
  }
  let jobs = 0
  return {
    ...site,
    sent,
    tried,
    telling,
    channels: [channel],
    fail: (does: boolean) => {
      isFailing = does
    },
    /** Every line that was told, in the order of the messages. */
    lines: () =>
      sent.flatMap((notice) =>
        (['opened', 'still', 'over'] as const).flatMap((list) =>
          notice[list].map(({ code, agent, target }) => `${list} ${code} ${agent ?? '-'} ${target ?? '-'}`),
        ),
      ),
    deploy: async (status: 'Completed' | 'Failed', error: string | null, outcome: object | null) => {
      const id = `job-${++jobs}`
      const at = await store.now()
      const job = { id, type: 'Deployment', agentId: 'agent-1', certificateId: 'cert-1', targetId: 'target-1' } as const
      await store.jobs.add({ ...job, versionNumber: null, status: 'Pending', createdAt: at })
      await store.jobs.start(id, 'agent-1', at)
      await store.jobs.finish({ id, agentId: 'agent-1', status, error, outcome, at })
    },
    /** A look and a try to send, each minute. */
    pass: async (minutes: number, step = 1) => {
      for (let passed = 0; passed < minutes; passed += step) {
        await lookForMatters({ store, presence }, telling)
        await sendNotices(store, [channel])
        site.pass(step * minuteMs)
      }
    },
  }
}
