import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { freePorts, makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { loadServerConfig } from '../../src/server/config/load-server-config.ts'
import { acmeIssuer } from '../../src/server/issuer/acme/acme-issuer.ts'
import { openStore } from '../../src/server/store/open-store.ts'
import { unlessInstalled } from '../support/daemons.ts'
import { type Pebble, startPebble } from './pebble.ts'

const name = 'mail.example.net'
const run = promisify(execFile)

t.test('users of other clients move over', { skip: unlessInstalled('certbot', 'lego', 'pebble') }, async (t) => {
  const dir = await makeTemporaryFolder('waxseal-moving-')
  t.teardown(() => removeTree(dir))
  const pebble = await startPebble(dir)
  t.teardown(() => pebble.stop())
  const [httpPort = 0] = await freePorts(1)
  const env = { ...process.env, REQUESTS_CA_BUNDLE: pebble.caFile, LEGO_CA_CERTIFICATES: pebble.caFile, HOME: dir }

  t.test('certbot: the files of the page make the pair that Postfix is to read', async (t) => {
    const folders = ['config', 'work', 'logs'].flatMap((kind) => [`--${kind}-dir`, join(dir, 'letsencrypt', kind)])
    const how = ['--standalone', '--http-01-port', String(httpPort), '-d', name, '--server', pebble.url]
    const account = ['--agree-tos', '-m', 'postmaster@example.net', '--no-eff-email']
    await run('certbot', ['certonly', '-n', ...folders, ...how, ...account], { env })

    await follow('moving-from-certbot.md', { '/etc/letsencrypt': join(dir, 'letsencrypt/config') })

    await holdsPair(t)
  })

  t.test('lego: the same, and its account stays the same account', async (t) => {
    const lego = ['--path', join(dir, 'lego'), '--server', pebble.url, '--email', 'postmaster@example.net', '-a']
    await run('lego', [...lego, '--http', '--http.port', `:${httpPort}`, '-d', name, 'run'], { env })

    await follow('moving-from-lego.md', { '/var/lib/lego': join(dir, 'lego') })

    await holdsPair(t)
    const { key, uri } = await accountOfLego()
    chmodSync(key, 0o640)
    t.equal(await accountAt(t, pebble, key), uri)
  })

  t.test('the configurations of the pages are taken as they are', async (t) => {
    const page = await readFile(pageOf('issuers.md'), 'utf8')
    const [, yaml = ''] = /```yaml\n(dns:\n[\s\S]*?)```/.exec(page) ?? []
    const [, forAll = ''] = /`(issuer_order: [^`]*)`/.exec(page) ?? []
    const file = join(dir, 'control-plane.yaml')
    await writeText(join(dir, 'tsig.key'), 'key', 0o640)
    const others = [{ name: 'letsencrypt', challenges: ['dns', 'http'] }]

    await writeText(file, yaml.replaceAll('/etc/waxseal', dir))
    t.match(await loadServerConfig(file), {
      dns: [{ zone: 'example.net', wait: 'authoritative' }],
      issuers: { order: ['local'], others },
    })
    await writeText(file, `${yaml.replaceAll('/etc/waxseal', dir)}${forAll}\n`)
    t.match(await loadServerConfig(file), { issuers: { order: ['letsencrypt'], others } })
  })

  /** Runs the `install` lines of a page, with its paths below the folder of this test. */
  async function follow(page: string, paths: Readonly<Record<string, string>>): Promise<void> {
    const text = await readFile(pageOf(page), 'utf8')
    const lines = text.split('\n').filter((line) => /^ *install .*\/etc\/postfix\/certs/.test(line))
    if (lines.length !== 3) throw new Error(`${page} has other commands`)
    await makeFolder(join(dir, 'postfix'))
    for (const line of lines) {
      const moved = Object.entries({ ...paths, '/etc/postfix': join(dir, 'postfix') }).reduce(
        (before, [from, to]) => before.replaceAll(from, to),
        line.trim(),
      )
      const [program = '', ...args] = moved.split(' ')
      await run(program, args)
    }
  }

  async function holdsPair(t: Test): Promise<void> {
    const read = (file: string): Promise<string> => readFile(join(dir, 'postfix/certs', file), 'utf8')
    const chain = await read('cert.pem')
    t.ok(chain.split('BEGIN CERTIFICATE').length > 2, 'with its chain')
    t.ok(new X509Certificate(chain).checkPrivateKey(createPrivateKey(await read('key.pem'))))
  }

  async function accountOfLego(): Promise<{ readonly key: string; readonly uri: string }> {
    const files = await readdir(join(dir, 'lego/accounts'), { recursive: true })
    const at = (end: string): string => join(dir, 'lego/accounts', files.find((file) => file.endsWith(end)) ?? '')
    const account: unknown = JSON.parse(await readFile(at('account.json'), 'utf8'))
    const { registration } = account as { readonly registration: { readonly uri: string } }
    return { key: at('.key'), uri: registration.uri }
  }

  async function accountAt(t: Test, { url, caFile }: Pebble, accountKey: string): Promise<string> {
    const dataDir = join(dir, 'control-plane')
    await makeFolder(dataDir)
    const store = await openStore({ dataDir })
    t.teardown(() => store.close())
    const none = { sameNames: null, registeredDomain: null, orders: null, failures: null }
    const empty = {
      contact: [],
      eab: null,
      profile: null,
      challenges: ['dns'],
      looksFirst: true,
      limits: none,
    } as const
    const config = { kind: 'acme', name: 'lego', directory: url, accountKey, caFile, ...empty } as const
    return acmeIssuer(config, {
      store,
      dataDir,
      solvers: [],
      caa: async () => null,
      lookAtAnswers: async () => null,
    }).register()
  }
})

function pageOf(page: string): URL {
  return new URL(`../../docs/${page}`, import.meta.url)
}
