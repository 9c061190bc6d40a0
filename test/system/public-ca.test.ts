import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askDns } from '../../src/dns/ask.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { startPebble } from '../integration/pebble.ts'
import { dnsAddress } from '../support/answering-server.ts'
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
    const [address, second] = [dnsAddress().address, dnsAddress().address]
    const world = await startDnsWorld(t, {
      'example.net': [`mail A ${address}`, `mail A ${second}`, '@ CAA 0 issue "pebble.letsencrypt.org"'],
    })
    const web = await startWebServer(t)
    await web.listen(address)
    const resolver = `${world.resolver.address}:${world.resolver.port}`
    const dir = t.testdir()
    const pebble = await startPebble(dir, { resolver, httpPort: 80, validityS: 86_400 * 90 })
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
        issuers: { dns: acme, http: { ...acme, challenges: ['http'] } },
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

    t.test('renewed by HTTP-01: the CA looks once each address of the name answers', async (t) => {
      const [{ id = '' } = {}] = await site.operator.certificates()
      await site.operator.changePolicy(String(id), { issuers: ['http'] })

      await site.operator.renew(String(id))
      await until(async () => web.asked.filter(({ by }) => by.startsWith('waxseal/')).length > 1)
      t.notOk(
        web.asked.some(({ by }) => !by.startsWith('waxseal/')),
        'the second address refuses',
      )
      await web.listen(second)
      await until(async () => (await leafIsOf(site, String(id))) === 2)

      t.ok(
        web.asked.some(({ by, path }) => !by.startsWith('waxseal/') && path.startsWith('/.well-known/acme-challenge/')),
      )
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

/** The web server of the mail host, at port 80 of the addresses that it is told. */
async function startWebServer(t: Test) {
  const root = join(await makeTemporaryFolder('waxseal-web-'), 'html')
  await makeFolder(root)
  const asked: { readonly path: string; readonly by: string }[] = []
  const servers: Server[] = []
  const handler: RequestListener = (request, response) => {
    const path = request.url ?? ''
    asked.push({ path, by: request.headers['user-agent'] ?? '' })
    readFile(join(root, path)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    )
  }
  t.teardown(async () => {
    for (const server of servers) server.close()
    await removeTree(join(root, '..'))
  })
  const listen = async (address: string): Promise<void> => {
    const server = createServer(handler).listen(80, address)
    servers.push(server)
    await once(server, 'listening')
  }
  return { root, asked, listen }
}
