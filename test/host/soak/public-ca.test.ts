import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from '../../../packaging/root.ts'
import { until } from '../../support/until.ts'
import { follow } from '../support/follow.ts'
import { type GuideStep, stepsOf } from '../support/guide.ts'
import { addressOfHost, type MailHost, nameServer, openGuidedSite } from '../support/guided-site.ts'
import type { Machine } from '../support/machine.ts'
import { servedOn } from '../support/mail-host.ts'
import { servesAsBefore } from '../support/movers.ts'
import { type Job, waitForDeployments } from '../support/operator.ts'
import { requireGood, type SeenHost, type Watch, watchPorts } from '../support/watch-ports.ts'

/** Of each certificate of the CA: it is renewed after half of it, and a host tells within two minutes what it has found. */
const lifeS = 240
const site = await openGuidedSite(t, lifeS)
const { operate } = site
const ns1 = machineOf('ns1')

const fromNothing = await stepsOn('control-plane.md', 'From nothing to a served certificate')
const issuer = await stepsOn('issuers.md', "Let's Encrypt by DNS-01")
const [certbotMoves, certbotLeaves] = parted(
  await stepsOn('moving-from-certbot.md', 'Moving from certbot'),
  'autorenew',
)
const [inPlace, thenLego] = parted(await stepsOn('moving-from-lego.md', 'Moving from lego'), 'systemctl disable')
const [legoLeaves, accountStays] = parted(thenLego, 'scp ')

const movers = [
  { host: 'mx1', client: 'certbot', moves: certbotMoves, leaves: certbotLeaves, account: [] },
  { host: 'mx2', client: 'lego', moves: asLego(certbotMoves, inPlace), leaves: legoLeaves, account: accountStays },
] as const

const names = ['mail', ...movers.map(({ host }) => host)].map((host) => `${host}.example.net`)
/** What each host showed before, and what the clients of a mover see from then on. */
const formerly = new Map<MailHost, string>()
const watches = new Map<MailHost, Watch>()
t.teardown(() => Promise.all([...watches.values()].map((watch) => watch.end())))

await next('the first page leads from nothing to a certificate of the control plane on 25, 143 and 993', async () => {
  for (const step of fromNothing) {
    await follow(site, step)
    if (step.command.includes(' request ')) await waitForDeployments(site, 2)
  }
})

await next('two more hosts are enrolled by the same commands', async () => {
  const [enrolment] = parted(parted(fromNothing, ' token ')[1], 'install -d')
  for (const { host } of movers) for (const step of enrolment) await follow(site, as(host, step))
})

for (const { host, client, moves } of movers)
  await next(`a host that ${client} renews reads the same certificate from a folder of its own`, async (t) => {
    await servesAsBefore(machineOf(host), client, `${host}.example.net`)
    const before = await leafOf(host)
    formerly.set(host, before)
    watches.set(host, watchPorts(seenAs(host)))

    for (const step of parted(moves, 'echo ')[0]) await follow(site, as(host, step))

    t.equal(await leafOf(host), before)
  })

await next('the page of issuers leads on to a certificate of a public CA on all three ports', async (t) => {
  formerly.set('mail', await leafOf('mail'))
  // The entry of the page takes the place of this one.
  await ns1.write('/etc/bind/named.conf.local', '')

  for (const step of issuer) await follow(site, withOurNames(step))

  await showsAnother(t, 'mail')
  formerly.set('mail', await leafOf('mail'))
})

await next('the control plane is told to renew what both hosts have, and their clients to leave it', async (t) => {
  for (const { host, moves, leaves } of movers) {
    await bind(host, parted(moves, 'echo ')[1])
    for (const step of parted(leaves, 'grep ')[0]) await follow(site, as(host, step))
  }

  const certificates = await operate<readonly { readonly common_name: string }[]>('certificates')
  t.same(new Set(certificates.map(({ common_name: name }) => name)), new Set(names))
  for (const { host, client } of movers) t.equal(await stateOf(host, `${client}.timer`), 'inactive')
})

for (const { host, client, leaves, account } of movers)
  await next(`what ${client} got is renewed when it is due, and then nothing is left of it`, async (t) => {
    await showsAnother(t, host)
    for (const step of parted(leaves, 'grep ')[1]) {
      const said = await follow(site, as(host, step))
      if (step.command.startsWith('grep ')) t.notMatch(said, /^\/(?!etc\/letsencrypt\/)/m, 'nothing names it')
    }
    if (account.length > 0) await keepsAccount(t, account)
  })

await next('both are renewed again without their clients, and nobody has seen a bad one at any time', async (t) => {
  for (const { host } of movers) {
    formerly.set(host, await leafOf(host))
    await operate('renew', `${host}.example.net`)
  }

  for (const { host } of movers) await showsAnother(t, host)
  for (const watch of watches.values()) {
    const { good, bad } = await watch.end()
    t.same(bad, [])
    t.ok(good > 10, `of ${good} looks`)
  }
})

await next('meanwhile the certificate of the first host is renewed by itself', (t) => showsAnother(t, 'mail'))

/** Once one page has failed, what follows would wait for ever. */
async function next(title: string, run: (t: Test) => Promise<unknown>): Promise<void> {
  if (t.passing()) await t.test(title, run)
}

/** What is found on a host is bound when the control plane knows it. */
async function bind(host: MailHost, steps: readonly GuideStep[]): Promise<void> {
  let fingerprint = ''
  for (const step of steps) {
    const { command, ...rest } = as(host, step)
    const isListing = command.includes(' discovered ')
    await until(async () => {
      const said = await follow(site, { ...rest, command: command.replace('FINGERPRINT', fingerprint) })
      if (isListing) fingerprint = /^[0-9A-Fa-f]{8,}/m.exec(said)?.[0] ?? ''
      return !isListing || fingerprint !== ''
    })
  }
}

/** With the key of lego's account the control plane has that account. */
async function keepsAccount(t: Test, steps: readonly GuideStep[]): Promise<void> {
  let said = ''
  for (const step of steps) said = await follow(site, as('mx2', step))
  const accounts = '/var/lib/lego/accounts/acme-v02.api.letsencrypt.org'
  const account: unknown = JSON.parse(await machineOf('mx2').read(`${accounts}/postmaster@example.net/account.json`))
  const { registration } = account as { readonly registration: { readonly uri: string } }
  t.ok(said.includes(`account=${registration.uri}`), said)
}

/** Waits until each port of a host shows a leaf other than before, of the CA, and the control plane has been told of it. */
async function showsAnother(t: Test, host: MailHost): Promise<void> {
  const before = formerly.get(host) ?? ''
  await until(async () => {
    const seen = await leavesOf(host)
    if (seen.includes(before)) return false
    const reported = await reportedOf(host)
    return seen.every((leaf) => leaf === reported)
  })
  await t.resolves(requireGood(seenAs(host)))
}

/** The leaf of the newest deployment of a host's certificate; null while it has not ended well. */
async function reportedOf(host: MailHost): Promise<string | null> {
  const certificates = await operate<readonly { readonly id: string; readonly common_name: string }[]>('certificates')
  const id = certificates.find(({ common_name: name }) => name === `${host}.example.net`)?.id
  const jobs = await operate<readonly Job[]>('jobs')
  const newest = jobs.find(({ type, certificate_id }) => type === 'Deployment' && certificate_id === id)
  if (newest?.status !== 'Completed') return null
  return (await operate<Job>('job', newest.id)).outcome?.certificate.sha256 ?? null
}

/** What each port shows. */
async function leavesOf(host: MailHost): Promise<readonly string[]> {
  const machine = machineOf(host)
  return [await servedOn(machine, 25, 'smtp'), await servedOn(machine, 143, 'imap'), await servedOn(machine, 993)]
}

/** What all ports show. */
async function leafOf(host: MailHost): Promise<string> {
  const [leaf = '', ...others] = await leavesOf(host)
  if (others.some((other) => other !== leaf))
    throw new Error(`${host} shows several leaves: ${leaf} ${others.join(' ')}`)
  return leaf
}

function seenAs(host: MailHost): SeenHost {
  return { address: addressOfHost(host), name: `${host}.example.net`, rootFile: site.ca.rootFile }
}

async function stateOf(host: MailHost, unit: string): Promise<string> {
  return (await machineOf(host).run('sh', '-c', `systemctl is-active ${unit} || true`)).trim()
}

async function stepsOn(page: string, heading: string): Promise<readonly GuideStep[]> {
  return stepsOf(await readFile(join(root, 'docs', page), 'utf8'), heading, '2.4')
}

/** What is before the first command that has these words, and from it on. */
function parted(steps: readonly GuideStep[], words: string): [readonly GuideStep[], readonly GuideStep[]] {
  const at = steps.findIndex(({ command }) => command.includes(words))
  if (at === -1) throw new Error(`no command has ${words}`)
  return [steps.slice(0, at), steps.slice(at)]
}

/** The page of lego names what takes the place of the commands with certbot's files; certbot itself is not asked. */
function asLego(steps: readonly GuideStep[], inPlace: readonly GuideStep[]): readonly GuideStep[] {
  const own = inPlace.filter(({ command }) => command.includes('lego/certificates'))
  return steps
    .filter(({ command }) => command !== 'certbot certificates')
    .map((step) => (step.command.includes('letsencrypt/live') ? (own.shift() ?? step) : step))
}

/** The pages call the host `mail`. */
function as(name: MailHost, { host, command }: GuideStep): GuideStep {
  return { host: host === 'mail' ? name : host, command: command.replaceAll(/\bmail\b/g, name) }
}

/** With the address of `ns1`, and a grant for each host. */
function withOurNames({ host, command }: GuideStep): GuideStep {
  const grant = /grant waxseal name _acme-challenge\.mail\.example\.net\. TXT; /
  const each = (found: string): string => names.map((name) => found.replace('mail.example.net', name)).join('')
  return { host, command: command.replace('192.0.2.53', nameServer).replace(grant, each) }
}

function machineOf(name: string): Machine {
  const machine = site.machines[name]
  if (machine === undefined) throw new Error(`there is no host ${name}`)
  return machine
}
