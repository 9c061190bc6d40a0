import { generateKeyPairSync } from 'node:crypto'
import { mkdir, readdir, readFile, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { acmeKeyOf, keyAuthorizationOf, thumbprintOf } from '../../../src/acme/acme-key.ts'
import { openAcme } from '../../../src/acme/open-acme.ts'
import { toJob } from '../../../src/control-plane/to-job.ts'
import type { Job } from '../../../src/documents/job.ts'
import { freePorts } from '../../../src/host/file/plain-files.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { openDeployer, type TestDeployer } from '../../support/deployer.ts'
import { startWaxseal } from '../../support/process.ts'
import { until } from '../../support/until.ts'
import { settledOrder, startPebble } from '../pebble.ts'
import { startChallengeServer } from './challenge-server.ts'

const skip = unlessInstalled('pebble', 'pebble-challtestsrv')
const names = ['mail.example.net']

t.test('Pebble finds what a job has the host answer, at the responder', { skip }, async (t) => {
  const [port = 0] = await freePorts(1)
  const { deployer, client, key } = await site(t, port, { responder: true })
  const folder = `${deployer.stateDir}-acme`
  const responder = startWaxseal(['acme-responder', '--folder', folder, '--listen', `127.0.0.1:${port}`])
  t.teardown(async () => {
    responder.kill('SIGTERM')
    await responder.exited
  })

  const order = await client.newOrder({ names, profile: null, replaces: null })
  const { challenges } = await client.authorization(order.authorizations[0] ?? '', names)
  const challenge = challenges.find(({ type }) => type === 'http-01')
  const answers = await done(deployer, challengeJob('job-1', challenge?.token ?? '', key))
  await until(() => isListening(port))
  const at = { port, token: challenge?.token ?? '' }
  t.equal(await statusAt('shop.example.org', at), 404, 'at another name that leads here it is no answer')
  const [file = ''] = await readdir(folder)
  await utimes(join(folder, file), 0, Date.now() / 1000 - 3700)
  t.equal(await statusAt('mail.example.net', at), 404, 'what was left behind is no answer')
  await utimes(join(folder, file), 0, Date.now() / 1000)
  t.equal(await statusAt('MAIL.example.net.:80', at), 200)
  await client.answer(challenge?.url ?? '')

  t.match(answers.reports, [{ report: { jobId: 'job-1', status: 'Completed' } }])
  t.equal((await settledOrder(client, order.url, 'ready')).status, 'ready')
  responder.kill('SIGTERM')
  t.equal(await responder.exited, 0)
})

t.test('a host that names accounts answers no challenge of another', { skip }, async (t) => {
  const { deployer, key } = await site(t, 1, undefined)
  const webroot = join(deployer.dir, 'www')
  await mkdir(webroot)
  const own = thumbprintOf(key.jwk)
  const token = 'token_of-a-challenge'
  const withAccounts = (accounts: readonly string[]): Promise<void> =>
    deployer.configure({ policy: { roots: [], acme: { http: { webroot, accounts } } } })
  await withAccounts(['A'.repeat(43)])

  const refused = await done(deployer, challengeJob('job-1', token, key))
  t.same(await readdir(webroot), [])
  await withAccounts(['A'.repeat(43), own])
  const answered = await done(deployer, challengeJob('job-2', token, key))

  const { report } = refused.reports.at(-1) as unknown as { report: { error: string } }
  t.match(report, { jobId: 'job-1', status: 'Failed', error: /^ACCOUNT_NOT_ALLOWED/ })
  t.ok(report.error.includes(own), 'the one that is to be named')
  t.match(answered.reports.at(-1), { report: { jobId: 'job-2', status: 'Completed' } })
  t.same(await readdir(join(webroot, '.well-known', 'acme-challenge')), [token])
})

t.test('a host whose policy has no answers, or not for this name, says so', { skip }, async (t) => {
  const { deployer, key } = await site(t, 1, undefined)
  const refused = await done(deployer, challengeJob('job-1', 'token_of-a-challenge', key))
  t.match(refused.reports, [{ report: { status: 'Failed', error: /^CHALLENGE_NOT_ALLOWED/ } }])
  const webroot = join(deployer.dir, 'www')
  await mkdir(webroot)
  await deployer.configure({ policy: { roots: [], names: ['*.example.org'], acme: { http: { webroot } } } })

  const named = await done(deployer, challengeJob('job-2', 'token_of-a-challenge', key))

  t.match(named.reports.at(-1), { report: { jobId: 'job-2', status: 'Failed', error: /^NAME_NOT_ALLOWED/ } })
  t.same(await readdir(webroot), [])
})

t.test('an answer is in the webroot when its job is done, and a host without orders takes it', { skip }, async (t) => {
  const { deployer, key } = await site(t, 1, undefined)
  const webroot = join(deployer.dir, 'www')
  await mkdir(webroot)
  await deployer.configure({ policy: { roots: [], acme: { http: { webroot } } } })

  await done(deployer, challengeJob('job-1', 'token_of-a-challenge', key))

  const file = join(webroot, '.well-known/acme-challenge/token_of-a-challenge')
  t.equal(await readFile(file, 'utf8'), keyAuthorizationOf(key.jwk, 'token_of-a-challenge'))
})

/** As it is on the wire. */
function challengeJob(id: string, token: string, key: ReturnType<typeof acmeKeyOf>): Job {
  const challenge = { name: names[0], token, key_authorization: keyAuthorizationOf(key.jwk, token), lifetime_s: 600 }
  const job = toJob({ id, type: 'Challenge', certificate_id: 'mc-1', status: 'Running', challenge })
  if ('kind' in job) return job
  throw new Error(job.reason)
}

async function done(deployer: TestDeployer, job: Job) {
  await deployer.answer({ ask: 'take', jobs: [job] })
  await deployer.answer({ ask: 'work' })
  return deployer.settled()
}

async function site(t: Test, httpPort: number, http: object | undefined) {
  const dns = await startChallengeServer()
  t.teardown(() => dns.stop())
  const pebble = await startPebble(t.testdir(), { resolver: dns.resolver, httpPort })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = acmeKeyOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const ca = await readFile(pebble.caFile, 'utf8')
  const client = openAcme({ directory: pebble.url, ca, key, acceptsTerms: true })
  t.teardown(async () => {
    await client.close()
    await pebble.stop()
  })
  const deployer = await openDeployer(t)
  await deployer.configure({ policy: { roots: [deployer.dir], ...(http === undefined ? {} : { acme: { http } }) } })
  await deployer.start()
  return { deployer, client, key }
}

async function statusAt(host: string, { port, token }: { readonly port: number; readonly token: string }) {
  const url = `http://127.0.0.1:${port}/.well-known/acme-challenge/${token}`
  const { statusCode, body } = await request(url, { headers: { host } })
  await body.dump()
  return statusCode
}

function isListening(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  )
}
