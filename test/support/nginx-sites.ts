import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOrThrow, waitForPorts } from '../../src/demo/mail-host/daemon.ts'
import { deployTogether, type Order } from '../../src/deployer/deploy.ts'
import type { Engine } from '../../src/deployer/engine.ts'
import { freePorts, makeFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import type { Outcome } from '../../src/outcome/outcome.ts'
import type { TestAuthority, TestPair } from './certificates.ts'
import { openTestEngine } from './deployment.ts'
import { servedLeaf } from './served-leaf.ts'

/** One nginx with a server and a pair for each name, whose checks and reloads are counted. */
export interface NginxSites {
  readonly engine: Engine
  /** As a control plane has them, one per name. */
  readonly targets: readonly { readonly name: string; readonly type: string; readonly config: object }[]
  /** Its check and its reload. */
  readonly commands: readonly string[]
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
  stop(): Promise<void>
}

/** Starts it below `dir` with these pairs, by name. Needs root. */
export async function startNginxSites(dir: string, first: ReadonlyMap<string, TestPair>): Promise<NginxSites> {
  const sites = [...first.keys()]
  const [port = 0] = await freePorts(1)
  for (const [name, pair] of first) {
    await makeFolder(join(dir, name))
    await writeText(join(dir, name, 'cert.pem'), pair.certificatePem + pair.chainPem)
    await writeText(join(dir, name, 'key.pem'), pair.keyPem, 0o600)
  }
  await writeText(join(dir, 'nginx.conf'), nginxConf(dir, port, sites))
  const nginx = ['nginx', '-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')] as const
  await runOrThrow(nginx)
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
  const configOf = (name: string): object => ({
    cert_path: join(dir, name, 'cert.pem'),
    key_path: join(dir, name, 'key.pem'),
    validate_command: check,
    reload_command: reload,
    endpoints: [`127.0.0.1:${port}`],
  })
  const order: NginxSites['order'] = (name, pair, changes, onOutcome) => ({
    request: {
      target: name,
      connector: 'NGINX',
      config: { ...configOf(name), ...changes },
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
    targets: sites.map((name) => ({ name, type: 'NGINX', config: configOf(name) })),
    commands: [check, reload],
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
    stop: () => runOrThrow([...nginx, '-s', 'quit']),
  }
}

async function script(dir: string, name: string, body: string): Promise<string> {
  const path = join(dir, name)
  await writeText(path, `#!/bin/sh\n${body}\n`)
  await chmod(path, 0o755)
  return path
}

function nginxConf(dir: string, port: number, sites: readonly string[]): string {
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

/** A pair for each name. */
export async function issueAll(authority: TestAuthority, names: readonly string[]): Promise<Map<string, TestPair>> {
  const pairs = new Map<string, TestPair>()
  for (const name of names) pairs.set(name, await authority.issue({ names: [name] }))
  return pairs
}
