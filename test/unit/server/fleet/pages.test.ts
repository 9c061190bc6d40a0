import t from 'tap'
import { certificatesPage } from '../../../../src/server/fleet/certificates-page.ts'
import { danePage } from '../../../../src/server/fleet/dane-page.ts'
import { driftPage } from '../../../../src/server/fleet/drift-page.ts'
import { failuresPage } from '../../../../src/server/fleet/failures-page.ts'
import { messagePage } from '../../../../src/server/fleet/fleet-page.ts'
import { foundPage } from '../../../../src/server/fleet/found-page.ts'
import { hostPage } from '../../../../src/server/fleet/host-page.ts'
import { hostsPage } from '../../../../src/server/fleet/hosts-page.ts'
import { mattersPage } from '../../../../src/server/fleet/matters-page.ts'
import { overviewPage } from '../../../../src/server/fleet/overview-page.ts'
import { rolloutPage } from '../../../../src/server/fleet/rollout-page.ts'
import { rolloutsPage } from '../../../../src/server/fleet/rollouts-page.ts'
import { linkTo, menuLink, pageIn } from '../../../../src/server/fleet/sections.ts'
import { signInPage } from '../../../../src/server/fleet/sign-in-page.ts'
import type { ShownRollover, WaitingJob } from '../../../../src/server/operation/dane/show-rollovers.ts'
import type { ShownHost } from '../../../../src/server/operation/fleet/fleet-host.ts'
import type { Overview } from '../../../../src/server/operation/fleet/overview.ts'
import type { ShownMatter } from '../../../../src/server/operation/matter/mutes.ts'
import type { ShownRollout } from '../../../../src/server/operation/rollout/show-rollout.ts'
import type { ListedDiscovered } from '../../../../src/server/store/discovered-store.ts'
import type { FleetCertificate, HostState } from '../../../../src/server/store/fleet-store.ts'
import type { ListedRolloutTarget, RolloutRow } from '../../../../src/server/store/rollout-rows.ts'
import type { ListedRollover } from '../../../../src/server/store/rollover-store.ts'
import type { JobType } from '../../../../src/server/store/rows.ts'
import { hostileText, rawCharacter } from '../../../support/hostile-text.ts'
import { openMatter } from '../../../support/matters.ts'
import { jobRow, tlsaRow } from '../../../support/store-site.ts'

const at = Date.parse('2026-11-27T05:00:00Z')
const dayMs = 86_400_000
const hostile = `<script>alert(1)</script>" onload="x' onload='x\u{202e}${hostileText}`
const viewer = { name: 'ann', role: 'reader' } as const
const overview: Overview = {
  at,
  silentKnownAt: null,
  hosts: { calling: 9990, retired: 10 },
  twins: 0,
  held: 0,
  certificates: { ends: { later: 9000, month: 1000 }, failing: 0, late: 0 },
  failures: { count: 0, codes: [] },
  drifting: 0,
  dane: { problems: 0, targets: 0, jobs: 0 },
  matters: [],
  rollouts: { states: [], live: [] },
  open: [],
}

const host = {
  id: hostile,
  name: hostile,
  hostname: `other ${hostile}`,
  state: 'silent' as HostState,
  seenAt: at - dayMs,
  twin: hostile,
  twinAt: at,
  isHeld: true,
  targets: 2,
  drifting: 1,
  labels: { [hostile]: hostile },
}
const certificate: FleetCertificate = {
  id: hostile,
  commonName: hostile,
  sans: [hostile],
  agentId: hostile,
  agentName: hostile,
  nextRenewalAt: at + dayMs,
  lastError: hostile,
  revokedAt: at,
  ends: 'week',
  number: 3,
  notBefore: at - 40 * dayMs,
  notAfter: at + 4 * dayMs,
}
const failure = {
  seq: 1,
  id: hostile,
  type: 'Deployment' as JobType,
  agentName: hostile,
  targetName: hostile,
  commonName: hostile,
  error: hostile,
  updatedAt: at - 60_000,
  isReaped: false,
}
const found: ListedDiscovered = {
  seq: 1,
  agentId: hostile,
  agentName: hostile,
  fingerprint: hostile,
  path: hostile,
  format: 'PEM',
  commonName: '',
  sans: [hostile],
  issuer: hostile,
  subject: hostile,
  serial: hostile,
  notBefore: at - dayMs,
  notAfter: at + dayMs,
  keyAlgorithm: hostile,
  keySize: 0,
  isCa: false,
  firstSeen: at,
  lastSeen: at,
  goneAt: null,
  certificateId: null,
  status: 'new',
}
const rollout: RolloutRow = {
  id: hostile,
  name: hostile,
  action: 'renew',
  state: 'stopped',
  chosen: { labels: [], agents: [], targets: [], first: [], shares: [100] },
  stopHosts: 2,
  stopShare: 10,
  windowCron: hostile,
  windowMs: 1,
  timeZone: hostile,
  deadlineMs: 3_600_000,
  wave: 1,
  reason: hostile,
  createdAt: at - dayMs,
  createdBy: hostile,
  endedAt: null,
}
const shown: ShownRollout = {
  rollout,
  waves: [{ wave: 1, hosts: 7, targets: { waiting: 1, open: 2, proven: 3, failed: 4, skipped: 0 } }],
  span: { from: at + dayMs, until: at + 2 * dayMs },
  isOpen: false,
}
const rolloutTarget: ListedRolloutTarget = {
  rolloutId: hostile,
  targetId: hostile,
  agentId: hostile,
  certificateId: hostile,
  beforeVersion: 1,
  wave: 1,
  state: 'failed',
  since: at,
  spentMs: 0,
  issuanceId: null,
  isJoined: false,
  jobId: hostile,
  isRecalled: false,
  isCounted: true,
  nearEndAt: null,
  isHurried: true,
  error: hostile,
  takeBackId: null,
  takeBackNote: hostile,
  agentName: hostile,
  targetName: hostile,
  takeBackStatus: hostile,
}
const drift = {
  targetId: hostile,
  name: hostile,
  type: hostile,
  agentName: hostile,
  since: hostile,
  reasons: [hostile],
}

const awaited = tlsaRow({ targetId: 't', name: hostile, spki: hostile, changedAt: at })
const tlsaName = { targetId: 't', name: hostile, endName: hostile, lookedAt: at, ttlMs: 0, cachedUntil: 0, seen: [] }
const daneTarget: ListedRollover = {
  targetId: 't',
  turnedOnAt: at,
  turnedOnBy: hostile,
  nextLookAt: at,
  targetName: hostile,
  agentId: 'a',
  agentName: hostile,
}
const usable = { ...awaited, state: 'published', spki: 'ab'.repeat(32), seenAt: at - 1 } as const
const tlsaRecords = [
  { row: awaited, why: 'awaited', isUsable: false } as const,
  { row: usable, why: 'served', isUsable: true } as const,
  { row: { ...usable, waitMs: dayMs }, why: 'next', isUsable: false } as const,
]
const tlsaNames = [
  {
    name: { ...tlsaName, isByHand: true, problem: hostile },
    records: tlsaRecords,
    publish: [hostile],
    remove: [hostile],
  },
]
const whose = { id: hostile, agentId: hostile, certificateId: hostile, targetId: 't' }
const waitingJob: WaitingJob = {
  job: jobRow({ ...whose, createdAt: at, updatedAt: at }),
  until: at + dayMs,
}
const shownRollover: ShownRollover = { rollover: daneTarget, names: tlsaNames, waiting: [waitingJob] }
const matter: ShownMatter = {
  ...openMatter(at - 60_000),
  agent: hostile,
  target: hostile,
  text: hostile,
  isMuted: false,
}

const shownHost: ShownHost = {
  host,
  registeredAt: at - dayMs,
  windows: [
    {
      name: hostile,
      value: hostile,
      cron: hostile,
      forMs: 60_000,
      timeZone: hostile,
      createdAt: at,
      createdBy: hostile,
    },
  ],
  certificates: [certificate],
  failures: [failure],
  rollovers: [shownRollover],
  targets: {
    at,
    rows: [
      {
        target: { id: hostile, name: hostile, agentId: hostile, agentName: hostile, type: hostile, config: {}, drift },
        renewal: null,
      },
    ],
    next: hostile,
  },
}

t.test('nothing that comes from outside is markup, on any page', async (t) => {
  const query = { text: hostile, host: hostile, code: hostile, after: hostile }
  const pages = {
    overview: overviewPage(
      {
        ...overview,
        failures: { count: 3, codes: [{ code: hostile, count: 3 }] },
        rollouts: { states: [{ state: 'stopped', count: 1 }], live: [rollout] },
      },
      { name: hostile, role: 'admin' },
    ),
    hosts: hostsPage({ at, rows: [host], next: hostile }, query, viewer),
    host: hostPage(shownHost, { name: hostile }, viewer),
    certificates: certificatesPage({ at, rows: [certificate], next: hostile }, query, viewer),
    failures: failuresPage({ at, rows: [failure], next: hostile }, query, viewer),
    dane: danePage({ at, rows: [shownRollover], next: hostile }, query, viewer),
    matters: mattersPage({ at, rows: [matter], next: hostile }, query, viewer),
    drift: driftPage({ at, rows: [drift], next: hostile }, query, viewer),
    rollouts: rolloutsPage({ at, rows: [shown], next: hostile }, query, viewer),
    rollout: rolloutPage(shown, { at, rows: [rolloutTarget], next: hostile }, query, viewer),
    found: foundPage({ at, rows: [found], next: hostile }, query, viewer),
    'sign in': signInPage({ to: hostile, error: hostile, isFromElsewhere: true }),
    message: messagePage(hostile, hostile, hostile),
  }

  for (const [name, page] of Object.entries(pages)) {
    t.notMatch(page, /<script|<img|onload=["']x/, name)
    t.notMatch(page, rawCharacter, name)
    t.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot; onload=&quot;x&#39; onload=&#39;x|%3Cscript%3E/, name)
    t.notMatch(page, / style=|javascript:/, name)
  }
})

t.test('the overview says the worst first, in its heading and its title', async (t) => {
  const headingOf = (changes: Partial<Overview>): string =>
    /<h1[^>]*>([^<]*)</.exec(overviewPage({ ...overview, ...changes }, viewer))?.[1] ?? ''
  const drifting = 5
  const certificates = { ends: { expired: 1, day: 3, later: 7 }, failing: 0, late: 2 }
  const hosts = { calling: 1, silent: 12_000 }

  t.equal(headingOf({}), 'All is well')
  t.equal(headingOf({ drifting }), '5 targets drift')
  t.equal(headingOf({ dane: { problems: 1, targets: 1, jobs: 3 } }), '1 TLSA name has a problem')
  t.equal(headingOf({ hosts }), '12,000 hosts are silent')
  t.equal(headingOf({ drifting, certificates }), '1 certificate has expired, 2 renewals are late, 5 targets drift')
  t.equal(headingOf({ twins: 1 }), '1 agent is two hosts')
  t.match(overviewPage({ ...overview, certificates }, viewer), /<title>1 certificate has expired/)
})

t.test('after the control plane itself was away nobody is called silent before that is known', async (t) => {
  const hosts = { calling: 1, silent: 9999 }
  const page = overviewPage({ ...overview, hosts, silentKnownAt: at + 120_000 }, viewer)

  t.match(page, /<h1 class="good">All is well</)
  t.match(page, /Who is silent is known at 05:02 UTC/)
})

t.test('a code is shown with its sentence, where it is one of ours', async (t) => {
  const codes = [
    { code: 'KEY_MISSING', count: 2 },
    { code: 'OF_ANOTHER_AGENT', count: 1 },
    { code: 'constructor', count: 1 },
    { code: '', count: 1 },
  ]
  const page = overviewPage({ ...overview, failures: { count: 7, codes } }, viewer)

  t.match(page, /href="\/fleet\/failures\?code=KEY_MISSING&amp;days=1"/)
  t.match(page, /KEY_MISSING[^]*?<span class="soft">[A-Z][^<]+\.<\/span>/)
  t.match(page, /OF_ANOTHER_AGENT<\/span><\/a> <span class="number">1<\/span>\n\n<svg/)
  t.match(page, /code=none&amp;days=1/)
  t.match(page, /and 2 with other codes/)
})

t.test('a certificate is shown with how far it is in its life, and that its renewal is late', async (t) => {
  const shown = (changes: Partial<typeof certificate>): string =>
    certificatesPage({ at, rows: [{ ...certificate, commonName: 'mx', ...changes }], next: null }, {}, viewer)

  t.match(shown({}), /Within 7 days <span class="badge bad">[^]*late<[^]*4 days left, 90 % of its life gone/)
  t.match(
    shown({ ends: 'expired', notAfter: at - 1 }),
    /Expired<\/span> <span class="soft"><time[^>]*>[^<]*UTC<\/time>, expired</,
  )
  t.match(shown({ nextRenewalAt: at - 1 }), /due<\/span>/)
  t.match(shown({ nextRenewalAt: null }), /none planned/)
  const sans = Array.from({ length: 99 }, (_, index) => `n${index}.example.net`)
  t.match(shown({ sans }), /n4\.example\.net, and 94 names more</)
})

t.test('TLSA records are shown with what a person has to publish, and what waits', async (t) => {
  const page = danePage({ at, rows: [{ ...shownRollover, waiting: [] }], next: hostile }, {}, viewer)

  t.notMatch(page, rawCharacter)
  t.notMatch(page, /<script>alert/)
  t.match(page, /Publish: &lt;script/)
  t.match(page, /usable<\/span> <code>abababababab</)
  t.match(page, /usable from <time datetime="2026-11-28T04:59:59.999Z"/)
})

t.test('the page of a host has its TLSA records, what a person has to publish, and until when a job waits', (t) => {
  const page = hostPage(shownHost, { name: 'mail-1' }, viewer)

  t.match(page, /TLSA records of its targets with roll-over<[^]*Publish: &lt;script[^]*Deployment <code>/)
  t.match(page, /waits for its records until <time datetime="2026-11-28T05:00:00.000Z"/)
  t.notMatch(hostPage({ ...shownHost, rollovers: [] }, { name: 'mail-1' }, viewer), /TLSA/)
  t.match(
    hostPage(
      { ...shownHost, rollovers: [{ ...shownRollover, waiting: [{ ...waitingJob, until: null }] }] },
      {},
      viewer,
    ),
    /waits until its records are seen everywhere/,
  )
  t.end()
})

t.test('the overview counts targets with DANE problems, and matters by kind, each with a link', (t) => {
  const dane = { problems: 3, targets: 2, jobs: 1 }
  const page = overviewPage({ ...overview, dane, matters: [{ kind: 'dane', count: 2 }] }, viewer)

  t.match(page, /Targets with a problem<\/span><\/a> <span class="number">2</)
  t.match(page, /href="\/fleet\/matters\?kind=dane"[^]*?<span class="number">2</)
  t.notMatch(overviewPage(overview, viewer), /TLSA records|Matters that want/)
  t.end()
})

t.test('a roll-out is shown with why it stopped, when its window opens, and what failed', async (t) => {
  const mild = {
    ...shown,
    rollout: { ...rollout, name: 'november', reason: '2 hosts have failed', createdBy: 'operator:ann' },
  }
  const list = rolloutsPage({ at, rows: [mild], next: null }, {}, viewer)
  const one = rolloutPage(mild, { at, rows: [], next: null }, { name: 'november', state: 'failed' }, viewer)
  const page = overviewPage(
    { ...overview, rollouts: { states: [{ state: 'stopped', count: 1 }], live: [mild.rollout] } },
    viewer,
  )

  t.match(
    list,
    /href="\/fleet\/rollouts\?name=november">november<[^]*Stopped<\/span> <span class="soft">2 hosts have failed/,
  )
  t.match(list, /by ann/)
  t.match(one, /at 2 failed hosts, or at 10 % of the hosts of a wave/)
  t.match(one, /opens <time datetime="2026-11-28T05:00:00.000Z">2026-11-28 05:00 UTC</)
  t.match(one, /<input type="hidden" name="name" value="november">/)
  t.match(one, /No target of it is so\./)
  t.match(page, /<h1 class="warn">1 roll-out has stopped</)
})

t.test('a list leads on to its next part with the same filter, and back to its start', async (t) => {
  const page = failuresPage({ at, rows: [failure], next: '17-4' }, { code: 'KEY_MISSING', after: '18-9' }, viewer)

  t.match(page, /<a rel="next" href="\/fleet\/failures\?code=KEY_MISSING&amp;after=17-4">/)
  t.match(page, /<a href="\/fleet\/failures\?code=KEY_MISSING">From the start</)
  t.notMatch(failuresPage({ at, rows: [failure], next: null }, {}, viewer), /class="pages"/)
  t.match(failuresPage({ at, rows: [], next: null }, {}, viewer), /No job has failed so\./)
})

t.test('a sign-in leads to a page of the fleet, and nowhere else', async (t) => {
  for (const url of ['/fleet', '/fleet/hosts?state=silent&text=a%20b', '/fleet/drift?after=mail-1'])
    t.equal(pageIn(url), url)
  for (const url of [
    '//evil.example',
    'https://evil.example/fleet',
    '/fleet/../openapi.json',
    '/fleet/sign-out',
    '/fleet/hosts/',
    '/fleet@evil.example',
    '/fleet?a=\r\nset-cookie: x',
    '/fleet?next=https://evil.example',
    '/fleet/hosts?a=1?b=2',
    '',
  ])
    t.equal(pageIn(url), '/fleet', url)
  t.equal(linkTo('/fleet/hosts', { text: 'a&b="', state: '', after: undefined }), '/fleet/hosts?text=a%26b%3D%22')
})

t.test('the page of a host says when it is renewed, what is on it, and leads to the rest of it', async (t) => {
  const mild = {
    ...shownHost,
    host: { ...host, name: 'mail-1', labels: { role: 'mx' } },
    windows: [
      {
        name: 'role',
        value: 'mx',
        cron: '0 2 * * *',
        forMs: 3 * 3_600_000,
        timeZone: 'UTC',
        createdAt: at,
        createdBy: 'x',
      },
    ],
    targets: { at, rows: [], next: null },
  }
  const page = hostPage(mild, { name: 'mail-1' }, viewer)

  t.match(page, /<h1>Host mail-1</)
  t.match(page, /0 2 \* \* \* for 180 minutes, UTC/)
  t.match(page, /href="\/fleet\/hosts\?label=role%3Dmx">role=mx</)
  for (const link of [
    'certificates?host=mail-1',
    'failures?host=mail-1&amp;days=30',
    'drift?host=mail-1',
    'found?host=mail-1',
  ])
    t.match(page, `href="/fleet/${link}"`)
  t.match(page, /It has no target yet/)
  t.match(
    hostPage({ ...mild, windows: [], certificates: [], failures: [] }, {}, viewer),
    /at any time[^]*no certificate yet[^]*No job of it failed/,
  )
})

t.test('the menu keeps the host, and the label, as far as the next page knows them', async (t) => {
  const of = { host: 'mail-1', code: 'KEY_MISSING', after: '17-4' }
  t.equal(menuLink('/fleet/certificates', '/fleet/failures', of), '/fleet/certificates?host=mail-1')
  t.equal(menuLink('/fleet/hosts', '/fleet/failures', of), '/fleet/hosts?name=mail-1')
  t.equal(menuLink('/fleet/drift', '/fleet/hosts', { name: 'mail-1' }), '/fleet/drift?host=mail-1')
  t.equal(menuLink('/fleet/certificates', '/fleet/hosts', { label: 'role=mx' }), '/fleet/certificates?label=role%3Dmx')
  t.equal(menuLink('/fleet/hosts', '/fleet/certificates', { label: 'role=mx' }), '/fleet/hosts?label=role%3Dmx')
  for (const path of ['/fleet', '/fleet/rollouts'] as const) t.equal(menuLink(path, '/fleet/failures', of), path)
  t.equal(menuLink('/fleet/failures', '/fleet/rollouts', { name: 'november' }), '/fleet/failures')
  t.match(
    failuresPage({ at, rows: [], next: null }, of, viewer),
    /href="\/fleet\/certificates\?host=mail-1">Certificates</,
  )
})
