import { readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { root } from '../../../packaging/root.ts'
import type { LookedFor } from '../../support/acme-ca/acme-ca.ts'
import { type ServedAcmeCa, serveAcmeCa } from '../../support/acme-ca/serve-acme-ca.ts'
import type { Machine } from './machine.ts'
import { servedOn } from './mail-host.ts'
import { addressOf } from './network.ts'
import { finished, request } from './operator.ts'
import type { Site } from './site.ts'

const unit = 'waxseal-acme.service'
const mailAddress = addressOf(2)
const noSuchToken = '0123456789abcdef'

/** A CA that asks at port 80 gets the answer, by IPv6, too, from a program without rights that the socket starts. */
export async function answersChallenges(t: Test, site: Site, address: string): Promise<void> {
  const { mail } = site
  let process: RunningProcess | null = null
  const ca = await serveAcmeCa(
    {
      caaIdentities: [],
      look: async (challenge) => {
        const heard = [await saidAcross(challenge), await saidWithin(mail, '::1', challenge)]
        process = await processOf(mail)
        const isThere = heard.every((answer) => answer === challenge.keyAuthorization)
        return isThere ? null : { type: 'unauthorized', detail: `it says ${heard.join(' and ')}` }
      },
    },
    address,
  )
  t.teardown(() => ca.close())
  await nameIssuer(site, ca)
  const own = '/etc/waxseal/waxseal.yaml'
  await mail.write(own, `${await mail.read(own)}  acme:\n    http: { responder: true }\n`)

  for (const command of await commandsOfThePage()) await mail.run('sh', '-ec', command)
  t.equal(await stateOf(mail), 'inactive', 'nothing runs before somebody asks')
  const job = await finished(site, await request(site, 'mail-postfix', '--issuer', 'test'))

  t.match(job, { status: 'Completed', outcome: { outcome: 'deployed' } })
  t.equal(await servedOn(mail, 25, 'smtp'), job.outcome?.certificate.sha256)
  t.match(ca.issued, [{ names: ['mail.example.net'] }])
  hasNoRights(t, process)
  t.match(await saidAcross({ name: 'other.example.net', token: noSuchToken }), /There is no such challenge/)
}

/** Nobody has asked for a minute: it has ended, and the next request starts it again. */
export async function endsWhenIdle(t: Test, { mail }: Site): Promise<void> {
  await mail.run('sh', '-c', `while systemctl is-active --quiet ${unit}; do sleep 0.2; done`)
  t.equal(await mail.run('systemctl', 'show', '-P', 'Result', unit), 'success\n')
  t.equal(await mail.run('systemctl', 'is-active', 'waxseal-acme.socket'), 'active\n')

  await answersAfterBoot(t)

  t.equal(await stateOf(mail), 'active')
}

/** The socket was enabled, and not only started. */
export async function answersAfterBoot(t: Test): Promise<void> {
  t.match(await saidAcross({ name: 'mail.example.net', token: noSuchToken }), /There is no such challenge/)
}

/** The process of the unit, as the kernel shows it. */
interface RunningProcess {
  /** `/proc/PID/status` */
  readonly status: string
  readonly routes: string
  readonly addresses: string
  /** What it finds in folders that are none of its business. */
  readonly secrets: string
}

function hasNoRights(t: Test, process: RunningProcess | null): void {
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    t.match(process?.status, new RegExp(`^${set}:\\t0{16}$`, 'm'))
  t.match(process?.status, /^NoNewPrivs:\t1$/m)
  t.match(process?.status, /^Seccomp:\t2$/m)
  t.match(process?.status, /^Uid:\t(6[1-5]\d{3})\t\1\t\1\t\1$/m, 'a user that is nobody else has')
  t.equal(process?.routes, '', 'no way to any network')
  t.notMatch(process?.addresses, /inet6? (?!127\.|::1\/)/)
  t.equal(process?.secrets, '')
}

async function processOf(mail: Machine): Promise<RunningProcess> {
  const pid = (await mail.run('systemctl', 'show', '-P', 'MainPID', unit)).trim()
  const inItsNetwork = ['nsenter', '-t', pid, '-n', 'ip'] as const
  const folders = ['/etc/waxseal', '/etc/postfix', '/etc/dovecot', '/var/lib/waxseal', '/run/waxseal']
  return {
    status: await mail.run('cat', `/proc/${pid}/status`),
    routes: await mail.run(...inItsNetwork, 'route', 'show'),
    addresses: await mail.run(...inItsNetwork, '-o', 'address', 'show'),
    secrets: await mail.run('find', ...folders.map((folder) => `/proc/${pid}/root${folder}`), '-mindepth', '1'),
  }
}

async function stateOf(mail: Machine): Promise<string> {
  return (await mail.run('sh', '-c', `systemctl is-active ${unit} || true`)).trim()
}

/** Has the control plane know the CA by the name `test`; the others are asked as before. */
async function nameIssuer({ control }: Site, { directoryUrl, httpsCaPem }: ServedAcmeCa): Promise<void> {
  await control.write('/etc/waxseal/acme-ca.pem', httpsCaPem)
  const issuer = `acme: ${directoryUrl}, ca_file: /etc/waxseal/acme-ca.pem, accept_terms: true, challenges: [http]`
  await control.write('/etc/waxseal/control-plane.yaml', `issuers:\n  test: { ${issuer} }\nissuer_order: [local]\n`)
  await control.run('systemctl', 'restart', 'waxseal-control-plane')
  const isUp = 'waxseal control-plane issuers >/dev/null 2>&1'
  const isOver = 'systemctl is-failed waxseal-control-plane >/dev/null'
  await control.run('sh', '-c', `until ${isUp}; do if ${isOver}; then exit 1; fi; done`)
}

/** What docs/http-01.md has a host do whose port 80 is free. */
async function commandsOfThePage(): Promise<readonly string[]> {
  const page = await readFile(join(root, 'docs/http-01.md'), 'utf8')
  const enable = /^ {4}(systemctl enable .*waxseal-acme\.socket)$/m.exec(page)?.[1]
  const restart = /\*\*Then, in both ways,\*\* `(systemctl restart [^`]*)`/.exec(page)?.[1]
  if (enable === undefined || restart === undefined) throw new Error('the page has no command')
  return [enable, restart]
}

/** What the mail host says to this machine, as to a CA. */
async function saidAcross({ name, token }: Pick<LookedFor, 'name' | 'token'>): Promise<string> {
  return new Promise((resolve, reject) => {
    get(requestOf(mailAddress, name, token), (answer) => resolve(text(answer))).on('error', reject)
  })
}

/** What it says to itself at an address of its own. */
async function saidWithin(mail: Machine, address: string, { name, token }: LookedFor): Promise<string> {
  const wanted = JSON.stringify(requestOf(address, name, token))
  const ask = `require('node:http').get(${wanted}, (answer) => answer.pipe(process.stdout))`
  return mail.run('/usr/lib/waxseal/node', '-e', ask)
}

function requestOf(host: string, name: string, token: string) {
  return { host, path: `/.well-known/acme-challenge/${token}`, headers: { host: name } }
}
