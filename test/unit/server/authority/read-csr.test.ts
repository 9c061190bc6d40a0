import 'reflect-metadata'
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { readCsrFor } from '../../../../src/server/authority/read-csr.ts'

const name = 'mail.example.net'

t.test('a key of RSA that is too short is refused', async (t) => {
  for (const bits of [512, 1024]) t.match(await refusalOf(openssl('-newkey', `rsa:${bits}`)), { details: { bits } })
  await readCsrFor(openssl('-newkey', 'rsa:2048'), [name])
})

t.test('the curves that daemons use are taken', async () => {
  for (const curve of ['P-256', 'P-384', 'P-521'])
    await readCsrFor(openssl('-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`), [name])
})

t.test('a CSR with thousands of names is refused before they are read', async (t) => {
  const sans = Array.from({ length: 2000 }, (_, at) => `DNS:${at}.example.net`)
  const csr = openssl('-newkey', 'rsa:2048', '-addext', `subjectAltName=${sans.join(',')}`)

  t.match(await refusalOf(csr), { details: { reason: /too many names/ } })
})

/** Of a CSR for `name`. */
async function refusalOf(csr: string): Promise<unknown> {
  return readCsrFor(csr, [name]).then(
    () => null,
    (error: unknown) => error,
  )
}

/** A CSR of a new key, which WebCrypto might not make. */
function openssl(...key: readonly string[]): string {
  const words = ['req', '-new', ...key, '-nodes', '-keyout', '/dev/null', '-subj', `/CN=${name}`]
  return execFileSync('openssl', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}
