import { join } from 'node:path'
import t from 'tap'
import type { Wiring } from '../../../src/connector/wiring/wiring.ts'
import { freePorts } from '../../../src/host/file/plain-files.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { bundleOf, compareWithServed, type Difference, startWired } from './wired-host.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const [pair, org, com, rsa] = await Promise.all([
  authority.issue({ names }),
  authority.issue({ names: ['mail.example.org'] }),
  authority.issue({ names: ['*.example.com'] }),
  authority.issue({ names, keyType: 'rsa' }),
])
const [bare = 0, withHost = 0] = await freePorts(2)
const pems = {
  'org.pem': bundleOf(org),
  'com.pem': bundleOf(com),
  'rsa.pem': bundleOf(rsa),
  'rsa-cert.pem': rsa.certificatePem,
  'rsa-key.pem': rsa.keyPem,
  'key.pem': pair.keyPem,
  'cert.pem': pair.certificatePem,
}

interface Configuration {
  readonly what: string
  readonly difference: (dir: string) => Difference
  /** Files by server name at the first port, `-` for no name; `DIR` for the folder of the instance. */
  readonly reads: Readonly<Record<string, readonly string[]>>
  /** Comparisons of a certificate with what openssl is served. */
  readonly comparisons: number
}

const plain = ['DIR/tls/cert.pem', 'DIR/tls/key.pem']

const postfixes: readonly Configuration[] = [
  { what: 'plain', difference: () => ({}), reads: { '-': plain }, comparisons: 3 },
  {
    what: 'SNI',
    difference: (dir) => ({
      main: `tls_server_sni_maps = hash:${dir}/sni\n`,
      map: 'sni',
      files: { ...pems, sni: `mail.example.org ${dir}/org.pem\n.example.com\n  ${dir}/com.pem\n` },
    }),
    reads: { '-': plain, 'mail.example.org': ['DIR/org.pem'], '*.example.com': ['DIR/com.pem'] },
    comparisons: 9,
  },
  {
    what: 'RSA beside ECDSA',
    difference: (dir) => ({
      main: `smtpd_tls_cert_file = ${dir}/rsa.pem\nsmtpd_tls_key_file = ${dir}/rsa.pem\nsmtpd_tls_eccert_file = ${dir}/tls/cert.pem\nsmtpd_tls_eckey_file = ${dir}/tls/key.pem\n`,
      files: pems,
    }),
    reads: { '-': ['DIR/rsa.pem', ...plain] },
    comparisons: 6,
  },
  {
    what: 'chain files',
    difference: (dir) => ({
      main: `smtpd_tls_chain_files = ${dir}/rsa.pem, ${dir}/key.pem, ${dir}/cert.pem\n`,
      files: pems,
    }),
    reads: { '-': ['DIR/rsa.pem', 'DIR/key.pem', 'DIR/cert.pem'] },
    comparisons: 6,
  },
  {
    what: 'services with a pair of their own, on a bare port and on host:port',
    difference: (dir) => ({
      main: `own = ${dir}\n`,
      master: `${bare} inet n - n - - smtpd\n  -o smtpd_tls_chain_files=$own/org.pem\n127.0.0.1:${withHost} inet n - n - - smtpd\n  -o smtpd_tls_cert_file=$own/rsa.pem -o smtpd_tls_key_file=$smtpd_tls_cert_file\n`,
      files: pems,
    }),
    reads: { '-': plain },
    comparisons: 5,
  },
]

const dovecots: readonly Configuration[] = [
  { what: 'plain', difference: () => ({}), reads: { '-': plain }, comparisons: 4 },
  {
    what: 'SNI',
    difference: (dir) => ({
      main: `local_name mail.example.org {\n  ssl_cert = <${dir}/org.pem\n  ssl_key = <${dir}/org.pem\n}\nlocal_name *.example.com {\n  ssl_cert = <${dir}/com.pem\n  ssl_key = <${dir}/com.pem\n}\n`,
      files: pems,
    }),
    reads: {
      '-': plain,
      'mail.example.org': ['DIR/org.pem', 'DIR/org.pem'],
      '*.example.com': ['DIR/com.pem', 'DIR/com.pem'],
    },
    comparisons: 20,
  },
  {
    what: 'RSA beside ECDSA',
    difference: (dir) => ({
      main: `ssl_alt_cert = <${dir}/rsa-cert.pem\nssl_alt_key = <${dir}/rsa-key.pem\n`,
      files: pems,
    }),
    reads: { '-': [...plain, 'DIR/rsa-cert.pem', 'DIR/rsa-key.pem'] },
    comparisons: 8,
  },
  {
    what: 'a protocol with a pair of its own',
    difference: (dir) => ({
      main: `protocol pop3 {\n  ssl_cert = <${dir}/rsa-cert.pem\n  ssl_key = <${dir}/rsa-key.pem\n}\n`,
      files: pems,
    }),
    reads: { '-': plain },
    comparisons: 4,
  },
]

for (const [name, configurations] of [
  ['postfix', postfixes],
  ['dovecot', dovecots],
] as const) {
  for (const { what, difference, reads, comparisons } of configurations) {
    t.test(
      `${name}, ${what}: the wiring names the files whose leaf is served`,
      { skip: unlessInstalled(name) },
      async (t) => {
        const { dir, daemon, readWiring } = await startWired(t, name, pair, difference)

        const wiring = await readWiring()
        const compared = await compareWithServed(wiring)

        t.same(filesByName(wiring, daemon.ports[0]?.port), pathsIn(dir, reads))
        t.same(
          compared.map(({ served }) => served),
          compared.map(({ read }) => read),
        )
        t.equal(compared.length, comparisons)
        t.strictSame(
          daemon.ports.map(({ port, protocol }) => [port, protocol]),
          daemon.ports.map(({ port }) => [port, wiring.listeners.find((one) => one.port === port)?.protocol]),
        )
      },
    )
  }
}

function filesByName({ listeners }: Wiring, port: number | undefined): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    listeners
      .filter((listener) => listener.port === port)
      .map(({ servername, files }) => [servername ?? '-', files.map(({ path }) => path)]),
  )
}

function pathsIn(dir: string, reads: Configuration['reads']): Configuration['reads'] {
  return Object.fromEntries(
    Object.entries(reads).map(([name, paths]) => [name, paths.map((path) => join('/', path.replace('DIR', dir)))]),
  )
}
