import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import type { TestPair } from './certificates.ts'

/** Keys that only openssl(1) makes here, by the arguments of its `genpkey`. */
export const keyArguments = {
  'P-256': ['EC', 'ec_paramgen_curve:P-256'],
  'explicit P-256': ['EC', 'ec_paramgen_curve:P-256', 'ec_param_enc:explicit'],
  brainpoolP256r1: ['EC', 'ec_paramgen_curve:brainpoolP256r1'],
  brainpoolP384r1: ['EC', 'ec_paramgen_curve:brainpoolP384r1'],
  'explicit brainpoolP256r1': ['EC', 'ec_paramgen_curve:brainpoolP256r1', 'ec_param_enc:explicit'],
  secp256k1: ['EC', 'ec_paramgen_curve:secp256k1'],
  prime239v1: ['EC', 'ec_paramgen_curve:prime239v1'],
  RSA: ['RSA', 'rsa_keygen_bits:2048'],
  'RSA-PSS': ['RSA-PSS', 'rsa_keygen_bits:2048'],
  Ed25519: ['ED25519'],
  Ed448: ['ED448'],
} as const satisfies Readonly<Record<string, readonly [algorithm: string, ...options: string[]]>>
export type KeyKind = keyof typeof keyArguments | 'DSA'

/** A pair in files; `chain` is all above the leaf. */
export interface OpensslPair extends TestPair {
  readonly certPath: string
  readonly keyPath: string
  readonly chainPath: string
}

export interface OpensslIssue {
  readonly name?: string
  /** Left out: it signs itself. */
  readonly issuer?: OpensslPair
}

/** A folder of pairs that is gone after the test. */
export async function openOpensslPairs(
  t: Test,
): Promise<(kind: KeyKind, options?: OpensslIssue) => Promise<OpensslPair>> {
  const dir = await makeTemporaryFolder('waxseal-openssl-')
  t.teardown(() => removeTree(dir))
  let count = 0
  return (kind, options = {}) => issue(join(dir, String((count += 1))), kind, options)
}

async function issue(
  base: string,
  kind: KeyKind,
  { name = 'mail.example.net', issuer }: OpensslIssue,
): Promise<OpensslPair> {
  const [certPath, keyPath, chainPath, request] = [`${base}.crt`, `${base}.key`, `${base}.chain`, `${base}.csr`]
  await makeKey(kind, base, keyPath)
  const subject = ['-new', '-key', keyPath, '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  if (issuer === undefined) await openssl('req', '-x509', ...subject, '-days', '30', '-out', certPath)
  else {
    await openssl('req', ...subject, '-out', request)
    // Counted in a file, the number would be read half written by another that is issued at the same time.
    const serial = `0x1${randomBytes(8).toString('hex')}`
    const signer = ['-CA', issuer.certPath, '-CAkey', issuer.keyPath, '-set_serial', serial, '-copy_extensions', 'copy']
    await openssl('x509', '-req', '-in', request, ...signer, '-days', '30', '-out', certPath)
  }
  const chainPem = issuer === undefined ? '' : issuer.certificatePem + issuer.chainPem
  await writeFile(chainPath, chainPem)
  const [certificatePem, keyPem] = await Promise.all([readFile(certPath, 'utf8'), readFile(keyPath, 'utf8')])
  return { certificatePem, keyPem, chainPem, sha256: sha256Of(certificatePem), certPath, keyPath, chainPath }
}

async function makeKey(kind: KeyKind, base: string, keyPath: string): Promise<void> {
  if (kind === 'DSA') {
    await openssl(
      'genpkey',
      '-genparam',
      '-algorithm',
      'DSA',
      '-pkeyopt',
      'dsa_paramgen_bits:2048',
      '-out',
      `${base}.dsa`,
    )
    await openssl('genpkey', '-paramfile', `${base}.dsa`, '-out', keyPath)
    return
  }
  const [algorithm, ...options] = keyArguments[kind]
  await openssl(
    'genpkey',
    '-algorithm',
    algorithm,
    ...options.flatMap((option) => ['-pkeyopt', option]),
    '-out',
    keyPath,
  )
}

function sha256Of(pem: string): string {
  const base64 = pem.replaceAll(/-----[A-Z ]+-----|\s/g, '')
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex')
}

async function openssl(...args: readonly string[]): Promise<void> {
  const child = spawn('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${said}`)
}

/** openssl(1) serves the pair with its chain until the end of the test; the port. */
export async function serveWithOpenssl(t: Test, pair: OpensslPair, more: readonly string[] = []): Promise<number> {
  const chain = pair.chainPem === '' ? [] : ['-cert_chain', pair.chainPath]
  const args = ['s_server', '-accept', '127.0.0.1:0', '-cert', pair.certPath, '-key', pair.keyPath, ...chain, ...more]
  const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(async () => {
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('openssl serves nothing')
}
