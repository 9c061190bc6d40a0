import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deployTogether, type Order } from '../../../src/agent/deploy.ts'
import type { Engine } from '../../../src/agent/engine.ts'
import { runOrThrow, waitForPorts } from '../../../src/demo/mail-host/daemon.ts'
import { freePorts, makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { servedLeaf } from '../../support/served-leaf.ts'

const authority = await (await makeAuthority()).intermediate()
const sites = Array.from({ length: 50 }, (_, index) => `site-${index}.example.net`)

t.test('50 jobs for 50 names of one nginx', { skip: unlessInstalled('nginx') }, async (t) => {
  const host = await startSites(t)

  await t.test('are one check and one reload, with a result each', async (t) => {
    const pairs = await issueAll(sites)

    const outcomes = await host.deploy(pairs)

    t.same(tally(outcomes), { deployed: 50 })
    t.same(await host.counts(), { check: 2, reload: 1 }, 'one check before anything is touched, one behind it')
    t.ok([...outcomes.values()].every(({ probes }) => probes.length === 1 && probes[0]?.ok === true))
    t.same(await host.served(), leaves(pairs))
  })

  await t.test('with three bad ones among them are 47 deployed, and each bad one says why', async (t) => {
    const before = await host.served()
    const pairs = await issueAll(sites)
    const bad = { mismatch: sites[7] ?? '', expired: sites[23] ?? '', unseen: sites[41] ?? '' }
    pairs.set(bad.mismatch, { ...(await authority.issue({ names: [bad.mismatch] })), keyPem: host.otherKey })
    pairs.set(
      bad.expired,
      await authority.issue({ names: [bad.expired], notBefore: new Date(0), notAfter: new Date(1e12) }),
    )

    const outcomes = await host.deploy(pairs, { [bad.unseen]: { endpoints: ['127.0.0.1:1'] } })

    t.same(tally(outcomes), { deployed: 47, refused: 2, 'rolled-back': 1 })
    t.match(outcomes.get(bad.mismatch), { code: 'KEY_MISMATCH', host: 'untouched' })
    t.match(outcomes.get(bad.expired), { code: 'CERTIFICATE_EXPIRED', host: 'untouched' })
    t.match(outcomes.get(bad.unseen), { code: 'VERIFY_FAILED', host: 'restored' })
    t.same((await host.counts()).reload, 5, 'all, undone, the good ones, the bad one, undone')
    const expected = leaves(pairs)
    for (const name of Object.values(bad)) expected.set(name, before.get(name) ?? null)
    t.same(await host.served(), expected)
    t.same(await host.engine.journal.list(), [])
  })

  await t.test('when the reload itself fails are each tried alone, and every name keeps its pair', async (t) => {
    const before = await host.served()
    await host.breakReload(true)

    const outcomes = await host.deploy(await issueAll(sites.slice(0, 3)))

    t.same(tally(outcomes), { 'rolled-back': 3 })
    t.ok([...outcomes.values()].every(({ code, host: state }) => code === 'ACTIVATE_FAILED' && state === 'restored'))
    await host.breakReload(false)
    t.same(await host.served(), before)
  })

  await t.test('two for one target among them are both done, in their order', async (t) => {
    const [name = ''] = sites
    const [older, newer] = [await authority.issue({ names: [name] }), await authority.issue({ names: [name] })]
    const ended: string[] = []

    await host.deployOrders([
      host.order(name, older, {}, (outcome) => ended.push(`older ${outcome.outcome}`)),
      host.order(name, newer, {}, (outcome) => ended.push(`newer ${outcome.outcome}`)),
    ])

    t.same(ended, ['older deployed', 'newer deployed'])
    t.equal((await host.served()).get(name), newer.sha256)
  })
})

interface SitesHost {
  readonly engine: Engine
  readonly otherKey: string
  order(
    name: string,
    pair: TestPair,
    changes: Readonly<Record<string, unknown>>,
    onOutcome: (outcome: Outcome) => void,
  ): Order
  deployOrders(orders: readonly Order[]): Promise<void>
  /** One job a name, together; `changes` by name. */
  deploy(
    pairs: ReadonlyMap<string, TestPair>,
    changes?: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ): Promise<ReadonlyMap<string, Outcome>>
  /** How often nginx was asked to check and to reload since the last time. */
  counts(): Promise<{ readonly check: number; readonly reload: number }>
  breakReload(isBroken: boolean): Promise<void>
  served(): Promise<Map<string, string | null>>
}

/** One nginx with a server and a pair for each name. */
async function startSites(t: Test): Promise<SitesHost> {
  const dir = await makeTemporaryFolder('waxseal-batch-')
  const first = await issueAll(sites)
  const [port = 0] = await freePorts(1)
  for (const [name, pair] of first) {
    await makeFolder(join(dir, name))
    await writeText(join(dir, name, 'cert.pem'), pair.certificatePem + pair.chainPem)
    await writeText(join(dir, name, 'key.pem'), pair.keyPem, 0o600)
  }
  await writeText(join(dir, 'nginx.conf'), nginxConf(dir, port))
  const nginx = ['nginx', '-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')] as const
  await runOrThrow(nginx)
  t.teardown(async () => {
    await runOrThrow([...nginx, '-s', 'quit'])
    await removeTree(dir)
  })
  await waitForPorts([{ name: 'https', port, protocol: 'tls' }])
  const log = join(dir, 'calls')
  await writeText(log, '')
  const check = await script(dir, 'check', `echo check >>${log}\nexec ${nginx.join(' ')} -t`)
  const reload = await script(
    dir,
    'reload',
    `echo reload >>${log}\n[ ! -e ${dir}/broken ] || exit 1\nexec ${nginx.join(' ')} -s reload`,
  )
  const engine = await openTestEngine(dir, [check, reload])
  const order: SitesHost['order'] = (name, pair, changes, onOutcome) => ({
    request: {
      target: name,
      connector: 'NGINX',
      config: {
        cert_path: join(dir, name, 'cert.pem'),
        key_path: join(dir, name, 'key.pem'),
        validate_command: check,
        reload_command: reload,
        endpoints: [`127.0.0.1:${port}`],
        ...changes,
      },
      certificatePem: pair.certificatePem,
      chainPem: pair.chainPem,
      findKey: async () => pair.keyPem,
    },
    onStep: () => {},
    onOutcome: async (outcome) => onOutcome(outcome),
  })
  const deployOrders = (orders: readonly Order[]): Promise<void> => deployTogether(orders, engine)
  return {
    engine,
    otherKey: (await authority.issue({ names: ['other.example.net'] })).keyPem,
    order,
    deployOrders,
    deploy: async (pairs, changes = {}) => {
      const outcomes = new Map<string, Outcome>()
      await writeFile(log, '')
      await deployOrders(
        [...pairs].map(([name, pair]) =>
          order(name, pair, changes[name] ?? {}, (outcome) => outcomes.set(name, outcome)),
        ),
      )
      return outcomes
    },
    counts: async () => {
      const lines = (await readFile(log, 'utf8')).trim().split('\n')
      return {
        check: lines.filter((line) => line === 'check').length,
        reload: lines.filter((line) => line === 'reload').length,
      }
    },
    breakReload: async (isBroken) => {
      if (isBroken) await writeText(join(dir, 'broken'), '')
      else await removeTree(join(dir, 'broken'))
    },
    served: async () => {
      const seen = new Map<string, string | null>()
      for (const name of sites) seen.set(name, await servedLeaf({ port, protocol: 'tls', servername: name }))
      return seen
    },
  }
}

async function script(dir: string, name: string, body: string): Promise<string> {
  const path = join(dir, name)
  await writeText(path, `#!/bin/sh\n${body}\n`)
  await chmod(path, 0o755)
  return path
}

function nginxConf(dir: string, port: number): string {
  const servers = sites.map(
    (name) => `server {
    listen 127.0.0.1:${port} ssl;
    server_name ${name};
    ssl_certificate ${dir}/${name}/cert.pem;
    ssl_certificate_key ${dir}/${name}/key.pem;
  }`,
  )
  return `user root;
pid ${dir}/nginx.pid;
events {}
http {
  access_log off;
  server_names_hash_bucket_size 128;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  ${servers.join('\n  ')}
}
`
}

async function issueAll(names: readonly string[]): Promise<Map<string, TestPair>> {
  const pairs = new Map<string, TestPair>()
  for (const name of names) pairs.set(name, await authority.issue({ names: [name] }))
  return pairs
}

function leaves(pairs: ReadonlyMap<string, TestPair>): Map<string, string | null> {
  return new Map([...pairs].map(([name, { sha256 }]) => [name, sha256]))
}

function tally(outcomes: ReadonlyMap<string, Outcome>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes.values()) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
