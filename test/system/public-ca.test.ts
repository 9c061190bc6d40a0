import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askDns } from '../../src/dns/ask.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { startPebble } from '../integration/pebble.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { startDnsWorld } from '../support/named/dns-world.ts'
import { type Ran, runWaxseal } from '../support/run-waxseal.ts'
import { servedLeaf } from '../support/served-leaf.ts'
import { type Site, startSite } from '../support/site.ts'
import { until } from '../support/until.ts'

const name = 'mail.example.net'

t.test(
  'a mail host has certificates of a public CA',
  { skip: unlessInstalled('named', 'nsupdate', 'pebble') },
  async (t) => {
    const world = await startDnsWorld(t, {
      'example.net': ['mail A 127.0.0.1', '@ CAA 0 issue "pebble.letsencrypt.org"'],
    })
    const web = await startWebServer(t)
    const resolver = `${world.resolver.address}:${world.resolver.port}`
    const dir = t.testdir()
    const pebble = await startPebble(dir, { resolver, httpPort: web.port, validityS: 86_400 * 90 })
    t.teardown(() => pebble.stop())
    const [primary] = world.publishers
    const acme = { acme: pebble.url, ca_file: pebble.caFile, accept_terms: true }
    const { server, port } = primary.nsupdate
    const site = await startSite(
      {},
      { acme: { http: { webroot: web.root } } },
      {
        dns: [{ zone: 'example.net', nsupdate: { server, port, key_file: world.keyFile } }],
        resolvers: [resolver],
        issuers: { dns: acme, http: { ...acme, challenges: ['http'], http_look: false } },
        issuer_order: ['dns'],
      },
    )
    t.teardown(() => site.close())
    site.startAgent()
    const isPublished = async (): Promise<boolean> => {
      const asked = { name: `_acme-challenge.${name}`, type: 'TXT' } as const
      const answer = await askDns(asked, [world.primary], { isRecursive: false })
      return !('failed' in answer) && answer.answers.length > 0
    }

    t.test(
      'from nothing to served, by DNS-01: a secondary that is late is waited for, through the death of the server',
      async (t) => {
        const certificateId = await site.request()
        await until(isPublished)
        await site.revive()
        t.notMatch(await site.operator.certificates(), [{ not_after: /./ }])

        await world.transfer()
        await until(async () => (await leafIsOf(site, certificateId)) === 1)

        t.match(await site.operator.issuers(), [{ name: 'dns', place: 1, account: /^https:/, error: null }])
        await until(async () => !(await isPublished()))
      },
    )

    t.test('the commands of the page say who signs, and make a key and an account', async (t) => {
      const command = (...args: readonly string[]): Promise<Ran> =>
        runWaxseal(['control-plane', ...args, '--data-dir', site.dataDir])
      const key = join(site.dir, 'letsencrypt.key')

      t.match(await command('issuers'), { status: 0, stdout: /^dns +acme +1 +https:.*\n(.*\n)*http +acme +if named/m })
      t.match(await command('issuer', 'register', 'http'), {
        status: 0,
        stdout: /account=https:\S+\s+thumbprint=[\w-]{43}\b/,
      })
      t.match(await command('issuer', 'register', 'htp'), { status: 1, stderr: /no issuer htp/ })
      t.match(await command('issuer', 'new-key', key), { status: 0, stdout: /keep a copy/ })
      t.match(await readFile(key, 'utf8'), /BEGIN PRIVATE KEY/)
      t.match(await command('issuer', 'new-key', key), { status: 1 })
      t.match(await command('revoke', 'nosuch', '--reason', 'keyCompromised'), {
        status: 2,
        stderr: /keyCompromise meant/,
      })
    })

    t.test('renewed by HTTP-01: its host answers', async (t) => {
      const [{ id = '' } = {}] = await site.operator.certificates()
      await site.operator.changePolicy(String(id), { issuers: ['http'] })

      await site.operator.renew(String(id))
      await until(async () => (await leafIsOf(site, String(id))) === 2)

      t.ok(web.asked.some((path) => path.startsWith('/.well-known/acme-challenge/')))
      t.match(await site.operator.certificates(), [{ issuer: 'http', version: 2 }])
    })

    t.test('revoked: the CA is told, and the host has another one', async () => {
      const [{ id = '' } = {}] = await site.operator.certificates()
      const { serials } = await site.operator.revoke(String(id), 'superseded')

      await until(async () => (await pebble.statusOf(serials[0] ?? '')) === 'Revoked')
      await until(async () => (await leafIsOf(site, String(id))) === 3)
    })
  },
)

/** The number of the version that Postfix shows; null: another leaf. */
async function leafIsOf({ operator, daemon }: Site, certificateId: string): Promise<number | null> {
  const found = (await operator.certificates()).find(({ id }) => id === certificateId)
  const [port] = daemon.ports
  if (found?.['version'] == null || port === undefined) return null
  const deployed = (await operator.jobs()).find(({ type, status }) => type === 'Deployment' && status === 'Completed')
  const outcome = deployed === undefined ? null : (await operator.job(deployed.id)).outcome
  const leaf = (outcome as { readonly certificate?: { readonly sha256?: string } } | null)?.certificate?.sha256
  return (await servedLeaf(port)) === leaf ? Number(found['version']) : null
}

/** The web server of the mail host, at the CA's port 80. */
async function startWebServer(t: Test) {
  const root = join(await makeTemporaryFolder('waxseal-web-'), 'html')
  await makeFolder(root)
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    readFile(join(root, path)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    )
  }).listen(0, '127.0.0.1')
  t.teardown(async () => {
    server.close()
    await removeTree(join(root, '..'))
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return { root, asked, port: (server.address() as AddressInfo).port }
}
