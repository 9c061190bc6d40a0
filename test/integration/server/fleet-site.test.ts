import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { holdAgents } from '../../../src/server/operation/agent/hold-agents.ts'
import { chainAudit } from '../../../src/server/operation/audit-trail.ts'
import { hashSecret } from '../../../src/server/operation/secret.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { openVisitor, type Visitor } from '../../support/fleet-visitor.ts'
import { startPostgres } from '../../support/postgres.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const cookie = /^__Host-waxseal=wxs_[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/

interface Site {
  readonly plane: TestControlPlane
  /** A reader's. */
  readonly token: string
  readonly visitor: Visitor
}

t.test('who has not signed in sees the form, and nothing of the fleet', async (t) => {
  const { plane, visitor } = await openSite(t)
  await plane.enroll('mail-1')

  for (const path of [
    '/fleet',
    '/fleet/hosts?state=silent',
    '/fleet/certificates',
    '/fleet/failures',
    '/fleet/drift',
    '/fleet/dane',
    '/fleet/matters',
    '/fleet/found',
    '/fleet/rollouts?name=a',
    '/fleet/hosts?name=mail-9',
  ]) {
    const { status, text, headers } = await visitor.get(path)

    t.equal(status, 401, path)
    t.match(text, new RegExp(`<input type="hidden" name="to" value="${path.replace('?', '\\?')}">`))
    t.notMatch(text, /mail-1/)
    t.equal(headers['set-cookie'], undefined)
  }
  t.equal((await visitor.get('/fleet/sign-in')).status, 200)
})

t.test('a reader signs in with a token, by a cookie that no script and no other site has', async (t) => {
  const { token, visitor } = await openSite(t)

  const answer = await visitor.post('/fleet/sign-in', { token: ` ${token}\n`, to: '/fleet/hosts?state=silent' })

  t.equal(answer.status, 303)
  t.equal(answer.headers['location'], '/fleet/hosts?state=silent')
  t.match(answer.headers['set-cookie'], cookie)
  const page = await visitor.get('/fleet')
  t.equal(page.status, 200)
  t.match(page.text, /ann \(reader\)/)
  t.notMatch(page.text, /wxo_|wxs_/)
})

t.test('every answer is closed to scripts, frames, other sites, sniffing and caches', async (t) => {
  const { token, visitor } = await openSite(t)
  const answers = [await visitor.get('/fleet'), await visitor.signIn('wxo_wrong'), await visitor.signIn(token)]
  for (const path of ['/fleet', '/fleet/hosts', '/fleet/hosts?nothing=1', '/fleet/page.css', '/fleet/icon.svg'])
    answers.push(await visitor.get(path))

  for (const { headers } of answers)
    t.match(headers, {
      'content-security-policy': /^default-src 'none'; style-src 'self'; img-src 'self'; .*frame-ancestors 'none'$/,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    })
  t.same(
    answers.map(({ status }) => status),
    [401, 401, 303, 200, 200, 400, 200, 200],
  )
  t.notOk(answers.some(({ text }) => /<script|style=|http-equiv/.test(text)))
})

t.test('a host has a page of its own, with its targets in parts, and one that is not there has none', async (t) => {
  const { plane, token, visitor } = await openSite(t)
  const { id } = await plane.enroll('mail-1')
  await plane.enroll('mail-2')
  for (let at = 10; at < 62; at += 1)
    await plane.operator.addTarget({ name: `target-${at}`, agent_id: id, type: 'Postfix', config: { mode: 'postfix' } })
  await plane.operator.label('mail-1', { set: { role: 'mx' }, remove: [] })
  await plane.operator.setWindow({ label: 'role=mx', start: '0 2 * * *', for_s: 10_800 })
  await plane.operator.requestCertificate({ agent_id: id, common_name: 'mx.example.net', deploy_to: ['target-10'] })
  await visitor.signIn(token)

  const { status, text } = await visitor.get('/fleet/hosts?name=mail-1')
  t.equal(status, 200)
  t.match(text, /<h1>Host mail-1<[^]*0 2 \* \* \* for 180 minutes[^]*mx\.example\.net[^]*target-10[^]*target-59/)
  t.notMatch(text, 'target-60')
  t.match(text, 'href="/fleet/hosts?name=mail-1&amp;after=target-59"')
  const next = await visitor.get('/fleet/hosts?name=mail-1&after=target-59')
  t.match(next.text, /target-60[^]*target-61[^]*The end of the list/)
  t.match((await visitor.get('/fleet/hosts')).text, '<a href="/fleet/hosts?name=mail-2">mail-2</a>')
  t.equal((await visitor.get('/fleet/hosts?name=mail-3')).status, 404)
})

t.test('a form of another site neither signs in nor out', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  const foreign = ['https://evil.example', 'null', '', plane.url.replace('https', 'http'), `${plane.url}.evil.example`]

  for (const origin of [...foreign, undefined]) {
    const { status, headers } = await visitor.post('/fleet/sign-in', { token }, { origin })
    t.same([status, headers['set-cookie']], [403, undefined], String(origin))
  }
  const json = { 'content-type': 'application/json' }
  t.equal((await visitor.post('/fleet/sign-in', { token }, json)).status, 415)
  t.equal((await visitor.post('/fleet/sign-in', { token }, { 'content-type': 'text/plain' })).status, 415)

  await visitor.signIn(token)
  for (const origin of [...foreign, undefined])
    t.equal((await visitor.post('/fleet/sign-out', {}, { origin })).status, 403, String(origin))
  t.equal((await visitor.get('/fleet')).status, 200)
})

t.test(
  'a cookie that somebody planted is never taken over: each sign-in makes a new one, and ends the old',
  async (t) => {
    const { token, visitor, plane } = await openSite(t)
    visitor.cookie = `__Host-waxseal=wxs_${'A'.repeat(43)}`
    t.equal((await visitor.get('/fleet')).status, 401)

    await visitor.signIn(token)
    const first = visitor.cookie
    await visitor.signIn(token)

    t.not(first, visitor.cookie)
    const other = openVisitor(plane)
    t.teardown(() => other.close())
    for (const planted of [`__Host-waxseal=wxs_${'A'.repeat(43)}`, first]) {
      other.cookie = planted
      t.equal((await other.get('/fleet')).status, 401)
    }
    for (const crooked of [
      '__Host-waxseal=',
      `x__Host-waxseal=${first?.slice(15)}`,
      'waxseal=1',
      `a=${'b'.repeat(5000)}`,
    ]) {
      other.cookie = crooked
      t.equal((await other.get('/fleet')).status, 401)
    }
  },
)

t.test('a session ends an hour after its last page, and after twelve hours at the latest', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  await visitor.signIn(token)

  plane.advance(hourMs - 1)
  t.equal((await visitor.get('/fleet')).status, 200)
  plane.advance(hourMs)
  t.equal((await visitor.get('/fleet')).status, 401)

  await visitor.signIn(token)
  for (let hours = 0; hours < 12; hours += 0.5) {
    t.equal((await visitor.get('/fleet')).status, 200, String(hours))
    plane.advance(hourMs / 2)
  }
  t.equal((await visitor.get('/fleet')).status, 401)
})

t.test('a session ends with the token that it began with', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  await visitor.signIn(token)
  t.equal((await visitor.get('/fleet/hosts')).status, 200)

  await plane.operator.revokeOperator('ann')

  t.equal((await visitor.get('/fleet/hosts')).status, 401)
  t.equal((await visitor.signIn(token)).status, 401)
})

t.test('the session of the first admin ends where the server has another token', async (t) => {
  const dataDir = t.testdir({})
  const { now } = Date
  const first = await openTestControlPlane(t, { dataDir, now })
  const visitor = visit(t, first)
  await visitor.signIn(first.operatorToken)
  t.match((await visitor.get('/fleet')).text, /admin \(admin\)/)
  await first.close()

  const same = await openTestControlPlane(t, { dataDir, now })
  const again = visit(t, same)
  again.cookie = visitor.cookie
  t.equal((await again.get('/fleet')).status, 200, 'a restart ends no session')
  await same.close()

  await rm(`${dataDir}/operator-token`)
  const other = await openTestControlPlane(t, { dataDir, now })
  const late = visit(t, other)
  late.cookie = visitor.cookie
  t.equal((await late.get('/fleet')).status, 401)
})

t.test('who signs out is out, and the browser is told to forget the cookie', async (t) => {
  const { token, visitor } = await openSite(t)
  await visitor.signIn(token)
  const stolen = visitor.cookie

  const answer = await visitor.post('/fleet/sign-out', {})

  t.same([answer.status, answer.headers['location']], [303, '/fleet/sign-in'])
  t.match(answer.headers['set-cookie'], /^__Host-waxseal=; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=0$/)
  t.equal(visitor.cookie, null)
  visitor.cookie = stolen
  t.equal((await visitor.get('/fleet')).status, 401)
})

t.test('ten wrong tokens close the form for their address, and not for who was known there', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  const other = await plane.operator.addOperator('bob', 'reader')
  await visitor.signIn(token)
  const statuses: number[] = []
  for (let count = 0; count < 12; count += 1) statuses.push((await visitor.signIn(`wxo_${count}`)).status)

  t.same(statuses, [...Array.from({ length: 10 }, () => 401), 429, 429])
  const closed = await visitor.signIn(other)
  t.equal(closed.status, 429, 'a right one, too: who guesses learns nothing any more')
  t.match(closed.headers['retry-after'], /^\d+$/)
  t.match(closed.text, /Too many wrong tokens came from your address/)
  t.equal((await visitor.signIn(token)).status, 303, 'this one was good before')
  t.equal((await visitor.get('/fleet')).status, 200)
  plane.advance(10_000)
  t.equal((await visitor.signIn(other)).status, 303)
})

t.test('who looks again and again is slowed down, and agents are not', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  const agent = await plane.enroll('mail-1')
  await visitor.signIn(token)
  const statuses: number[] = []
  for (let count = 0; count < 51; count += 1) statuses.push((await visitor.get('/fleet/hosts')).status)

  t.equal(statuses.indexOf(429), 50)
  t.equal((await agent.get('/work')).status, 200)
})

t.test('what is no form, no page and no filter is refused with a page that says so', async (t) => {
  const { token, visitor } = await openSite(t)
  t.equal((await visitor.post('/fleet/sign-in', {})).status, 400)
  t.equal((await visitor.post('/fleet/sign-in', { token: 'x'.repeat(5000) })).status, 413)
  t.equal((await visitor.post('/fleet/sign-in', { token, role: 'admin' })).status, 400)
  await visitor.signIn(token)
  const refused = [
    '/fleet/hosts?state=well',
    '/fleet/hosts?state=silent&state=retired',
    '/fleet/hosts?limit=1000000',
    '/fleet/certificates?after=1',
    '/fleet/certificates?after=1-%0d%0a',
    '/fleet/failures?after=1-x',
    `/fleet/failures?code=${encodeURIComponent("' OR 1=1")}`,
    `/fleet/hosts?text=${'x'.repeat(101)}`,
    '/fleet?text=1',
  ]
  for (const path of refused) {
    const { status, text } = await visitor.get(path)
    if (path === '/fleet?text=1') t.equal(status, 200)
    else t.same([status, /That was refused/.test(text)], [400, true], path)
  }
  t.match(await visitor.get('/fleet/rollouts?name=none'), { status: 404, text: /there is no such roll-out: none/ })
  const { status, text } = await visitor.get('/fleet/failures?host=no-such-host')
  t.equal(status, 200)
  t.match(text, /No job has failed so/)
})

t.test('a page shows what agents sent as text', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  const name = `<b>mx"'&1`
  const agent = await plane.enroll(name)
  await plane.operator.addTarget({ name: '<i>postfix', agent_id: agent.id, type: 'Postfix', config: {} })
  const wanted = { agent_id: agent.id, common_name: '<u>.example.net', deploy_to: ['<i>postfix'] }
  const { certificate_id, job_id } = await plane.operator.requestCertificate(wanted)
  await agent.work()
  await agent.post(`/jobs/${job_id}/status`, { status: 'Failed', error: 'KEY_MISSING: <img src=x onerror=alert(1)>' })
  const targets = await plane.operator.targets()
  const drift = [
    { target_id: String(targets[0]?.['id']), looked_at: '<s>now', reasons: ['<em>gone', '</td><script>x</script>'] },
  ]
  await agent.post('/discoveries', { certificates: null, errors: null, drift })
  await visitor.signIn(token)

  const pages = await Promise.all(
    ['', '/hosts', '/certificates', '/failures', '/drift'].map((path) => visitor.get(`/fleet${path}`)),
  )

  t.ok(certificate_id)
  for (const { status, text } of pages) {
    t.equal(status, 200)
    t.notMatch(text, /<(b|i|u|s|em|img|script)[ >]/)
  }
  const [overview, hosts, certificates, failures, drifting] = pages.map(({ text }) => text)
  t.match(overview, /1 target drifts, 1 job failed/)
  t.match(hosts, /&lt;b&gt;mx&quot;&#39;&amp;1/)
  t.match(certificates, /&lt;u&gt;\.example\.net/)
  t.match(failures, /KEY_MISSING<\/code>: &lt;img src=x onerror=alert\(1\)&gt;/)
  t.match(drifting, /&lt;em&gt;gone/)
  t.match((await visitor.get(`/fleet/failures?host=${encodeURIComponent(name)}`)).text, /KEY_MISSING/)
})

t.test('who signed in and out is in the audit trail, with the address and without the secret', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  await visitor.signIn(token)
  const secret = visitor.cookie?.split('=')[1] ?? ''
  await visitor.post('/fleet/sign-out', {})
  await plane.close()

  const store = await openStore({ dataDir: plane.dataDir })
  t.teardown(() => store.close())
  await chainAudit(store)
  const rows = (await store.audit.list({ limit: 99 })).filter(({ action }) => action.startsWith('session'))

  const subject = hashSecret(secret).slice(0, 16)
  t.match(rows, [
    { actor: 'operator:ann', action: 'session.begin', subject, details: { address: '127.0.0.1' } },
    { actor: 'operator:ann', action: 'session.end', subject },
  ])
  t.notMatch(JSON.stringify(rows), new RegExp(secret))
})

t.test('a database that was put back has no session', async (t) => {
  const { token, visitor, plane } = await openSite(t)
  await visitor.signIn(token)
  const hash = hashSecret(visitor.cookie?.split('=')[1] ?? '')
  await plane.close()
  const store = await openStore({ dataDir: plane.dataDir })
  t.teardown(() => store.close())
  t.not(await store.sessions.find(hash), null)

  await holdAgents(store)

  t.equal(await store.sessions.find(hash), null)
})

t.test('a session is one of all servers of a database, and ends on all of them at once', async (t) => {
  const database = await (await startPostgres(t, false)).newDatabase()
  const [one, two] = [t.testdir({ one: {}, two: {} })].flatMap((dir) => [join(dir, 'one'), join(dir, 'two')])
  const now = Date.now
  const first = await openTestControlPlane(t, { dataDir: one ?? '', database, now })
  for (const name of ['ca.pem', 'ca.key']) await copyFile(join(one ?? '', name), join(two ?? '', name))
  const second = await openTestControlPlane(t, { dataDir: two ?? '', database, now })
  const [here, there] = [visit(t, first), visit(t, second)]
  await here.signIn(await first.operator.addOperator('ann', 'reader'))
  there.cookie = here.cookie

  const statuses = async () => [(await here.get('/fleet/hosts')).status, (await there.get('/fleet/hosts')).status]
  t.same(await statuses(), [200, 200])
  await second.operator.revokeOperator('ann')
  t.same(await statuses(), [401, 401])

  await here.signIn(first.operatorToken)
  there.cookie = here.cookie
  t.same(await statuses(), [200, 401], 'the first admin is one of each data directory')
})

async function openSite(t: Test): Promise<Site> {
  const plane = await openTestControlPlane(t)
  return { plane, token: await plane.operator.addOperator('ann', 'reader'), visitor: visit(t, plane) }
}

function visit(t: Test, plane: TestControlPlane): Visitor {
  const visitor = openVisitor(plane)
  t.teardown(() => visitor.close())
  return visitor
}
