import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { pairPathsIn, startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { freePorts, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import type { KeyType, Probe, ProbeProtocol } from '../../../src/plan/plan.ts'
import { probeOnce } from '../../../src/verify/probe-once.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, openTestEngine } from '../../support/deployment.ts'
import { type KeyKind, type OpensslPair, openOpensslPairs } from '../../support/openssl-pairs.ts'

const issue = await openOpensslPairs(t)
const ca = await issue('P-256', { name: 'CA' })
const kinds = {
  rsa: 'RSA',
  'rsa-pss': 'RSA-PSS',
  ecdsa: 'P-256',
  ed25519: 'Ed25519',
  ed448: 'Ed448',
} as const satisfies Record<KeyType, KeyKind>

type Both = readonly [KeyType, KeyType]
const mixes: readonly Both[] = [
  ['rsa', 'ecdsa'],
  ['rsa', 'ed25519'],
  ['ecdsa', 'ed25519'],
  ['ecdsa', 'ed448'],
  ['rsa', 'rsa-pss'],
  ['ecdsa', 'rsa-pss'],
]

async function folder(t: Test): Promise<string> {
  const dir = await makeTemporaryFolder('waxseal-keys-')
  t.teardown(() => removeTree(dir))
  return dir
}

function pairsOf(both: Both): Promise<readonly OpensslPair[]> {
  return Promise.all(both.map((type) => issue(kinds[type], { issuer: ca })))
}

/** Asked for each type, the server shows the leaf of that type. */
async function showsEach(
  t: Test,
  at: { readonly port: number; readonly protocol: ProbeProtocol },
  both: Both,
  pairs: readonly OpensslPair[],
): Promise<void> {
  for (const [index, keyType] of both.entries()) {
    const probe: Probe = { host: '127.0.0.1', ...at, servername: null, keyType, timeoutMs: 10_000 }
    const { leaf, error, tlsVersion } = await probeOnce(probe)
    t.equal(leaf?.sha256, pairs[index]?.sha256, `${keyType} ${tlsVersion} ${error}`)
  }
}

const bundle = ({ keyPem, certificatePem }: OpensslPair): string => keyPem + certificatePem

t.test(
  'Postfix with two chain files shows the leaf of the kind that is asked for',
  { skip: unlessInstalled('postfix') },
  async (t) => {
    for (const both of mixes) {
      const dir = await folder(t)
      const pairs = await pairsOf(both)
      for (const [index, pair] of pairs.entries()) await writeText(join(dir, `${index}.pem`), bundle(pair), 0o600)
      const [old = 0] = await freePorts(1)
      const main = `smtpd_tls_chain_files = ${dir}/0.pem, ${dir}/1.pem\n`
      const master = `${old} inet n - n - - smtpd\n  -o smtpd_tls_protocols=<=TLSv1.2\n`
      const [first = ca] = pairs
      const daemon = await startPostfix(dir, first, pairPathsIn(dir), { main, master })
      try {
        await showsEach(t, { port: daemon.ports[0]?.port ?? 0, protocol: 'smtp' }, both, pairs)
        await showsEach(t, { port: old, protocol: 'smtp' }, both, pairs)
      } finally {
        await daemon.stop()
      }
    }
  },
)

t.test(
  'Dovecot with an alternative pair shows the leaf of the kind that is asked for',
  { skip: unlessInstalled('dovecot') },
  async (t) => {
    for (const both of mixes) {
      const dir = await folder(t)
      const pairs = await pairsOf(both)
      const [first = ca, second = ca] = pairs
      await writeText(join(dir, 'alt.crt'), second.certificatePem)
      await writeText(join(dir, 'alt.key'), second.keyPem, 0o600)
      const more = `ssl_alt_cert = <${dir}/alt.crt\nssl_alt_key = <${dir}/alt.key\n`
      const daemon = await startDovecot(dir, first, pairPathsIn(dir), more)
      try {
        await showsEach(t, { port: daemon.ports[1]?.port ?? 0, protocol: 'tls' }, both, pairs)
      } finally {
        await daemon.stop()
      }
    }
  },
)

t.test(
  'nginx with two certificates shows the leaf of the kind that is asked for',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    for (const both of mixes)
      for (const version of ['TLSv1.3', 'TLSv1.2']) {
        const dir = await folder(t)
        const pairs = await pairsOf(both)
        const [port = 0] = await freePorts(1)
        const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
          (name) => `${name}_temp_path ${dir}/${name};`,
        )
        const files = pairs.map(
          ({ certPath, keyPath }) => `ssl_certificate ${certPath}; ssl_certificate_key ${keyPath};`,
        )
        await writeText(
          join(dir, 'nginx.conf'),
          `user root; pid ${dir}/nginx.pid; events {} http { access_log off; ${temporary.join(' ')}
server { listen 127.0.0.1:${port} ssl; ssl_protocols ${version}; ${files.join(' ')} } }\n`,
        )
        const nginx = ['nginx', '-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')] as const
        await runOrThrow(nginx)
        try {
          await showsEach(t, { port, protocol: 'tls' }, both, pairs)
        } finally {
          await runOrThrow([...nginx, '-s', 'quit'])
        }
      }
  },
)

t.test('Ed25519 beside RSA is renewed alone, and proven', { skip: unlessInstalled('postfix') }, async (t) => {
  const dir = await folder(t)
  const [rsa = ca, ed25519 = ca] = await pairsOf(['rsa', 'ed25519'])
  for (const [name, pair] of [
    ['rsa', rsa],
    ['ed', ed25519],
  ] as const)
    await writeText(join(dir, `${name}.pem`), bundle(pair), 0o600)
  const main = `smtpd_tls_chain_files = ${dir}/rsa.pem, ${dir}/ed.pem\n`
  const daemon = await startPostfix(dir, rsa, pairPathsIn(dir), { main })
  t.teardown(() => daemon.stop())
  const engine = await openTestEngine(dir, [daemon.check.join(' '), daemon.reload.join(' ')], { dane: 'off' })
  const paths = { cert_path: join(dir, 'ed.pem'), key_path: join(dir, 'ed.pem') }
  const pair = await issue('Ed25519', { issuer: ca })

  const wired = await deployPair(
    engine,
    daemon,
    { ...pair, chainPem: '' },
    {
      ...paths,
      endpoints: undefined,
      daemon_config: join(dir, 'etc'),
      reload_command: undefined,
      validate_command: undefined,
    },
  )

  t.match(wired, { outcome: 'deployed', proven: true })
  t.ok(wired.probes.every(({ keyType, seen }) => keyType === 'ed25519' && seen === pair.sha256))
})
