import 'reflect-metadata'
import { createHash } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { VersionRow } from '../store/rows.ts'
import { signCrl } from './crl.ts'
import { generalName, readCsrFor } from './read-csr.ts'
import { addRoot, algorithm, exportKey, newSerial, pemOf, type Root, type Roots, readRoots } from './roots.ts'
import { isNextDue, signingAt } from './which-root.ts'

/** A certificate with its key, both PEM. */
export interface IssuedPair {
  readonly certificatePem: string
  readonly keyPem: string
}

/** The local CA: a self-signed root, made at the first start, and in the second half of its life the next one. */
export interface Authority {
  /** All that agents are to trust. */
  readonly caPem: string
  /** Of the CAs that can sign. */
  readonly ids: readonly string[]
  /** SHA-256 of the public key (SPKI) of a CSR, hex. Its names, common name and SANs together, must be just these: JOB_MALFORMED otherwise. */
  check(csrPem: string, names: readonly string[]): Promise<string>
  /** A certificate (PEM) for such a CSR, which begins a minute before `at`; left out: now. It ends with its CA at the latest. */
  sign(csrPem: string, names: readonly string[], validityDays: number, at?: number): Promise<string>
  /** A pair for the control plane's own listener. */
  issueServerPair(names: readonly string[], at?: number): Promise<IssuedPair>
  /** From now on certificates say that their CA's list of what is revoked is below this URL. */
  publishAt(url: string): void
  /** The list (DER) of the CA with this id; null: there is none. */
  crl(id: string, revoked: readonly VersionRow[], number: number, at: number): Promise<Buffer | null>
  /** Whether the next CA is to be made. */
  isNextDue(at: number): boolean
  /**
   * Makes the next CA when it is time; true: `caPem` has changed. What has ended stays until an operator drops it: a clock that is ahead
   * for a moment would end the CA that all agents trust.
   */
  tend(at: number): Promise<boolean>
}

const dayMs = 86_400_000
/** Of the control plane's own certificate. */
const ownDays = 397
/** The first names of the path of a list. */
export const crlPath = '/crl'
const { subtle } = globalThis.crypto

/** Opens the CA in this folder, making it where there is none. CA_MISSING: there is none, and none may be made. */
export async function openAuthority(folder: string, mayMake = true): Promise<Authority> {
  let roots = await openRoots(folder, mayMake)
  let published: string | null = null
  const issue: Issue = (publicKey, names, days, at) => issueBy(rootAt(roots, at), published, publicKey, names, days, at)
  return {
    get caPem() {
      return roots.pem
    },
    get ids() {
      return roots.signing.map(({ id }) => id)
    },
    check: async (csrPem, names) => {
      const { publicKey } = await readCsrFor(csrPem, names)
      return createHash('sha256').update(Buffer.from(publicKey.rawData)).digest('hex')
    },
    sign: async (csrPem, names, validityDays, at = Date.now()) => {
      const csr = await readCsrFor(csrPem, names)
      return pemOf(await issue(csr.publicKey, names, validityDays, at))
    },
    issueServerPair: (names, at = Date.now()) => issuePair(issue, names, at),
    publishAt: (url) => {
      published = url
    },
    crl: async (id, revoked, number, at) => {
      const root = roots.signing.find((one) => one.id === id)
      return root === undefined ? null : signCrl(root, revoked, number, at)
    },
    isNextDue: (at) => isDueAfter(roots, at),
    tend: async (at) => {
      if (isDueAfter(roots, at)) await addRoot(folder, at)
      const before = roots.pem
      roots = await readRoots(folder)
      return roots.pem !== before
    },
  }
}

async function openRoots(folder: string, mayMake: boolean): Promise<Roots> {
  const roots = await readRoots(folder)
  if (roots.signing.length > 0) return roots
  if (!mayMake) {
    const hint = 'put ca.pem and ca.key back from a backup; agents trust no other CA'
    throw new WaxsealError('CA_MISSING', { folder, hint })
  }
  await addRoot(folder, Date.now())
  return readRoots(folder)
}

function isDueAfter({ signing }: Roots, at: number): boolean {
  const newest = signing.at(-1)
  return newest !== undefined && isNextDue(newest, at)
}

type Issue = (
  publicKey: CryptoKey | x509.PublicKey,
  names: readonly string[],
  days: number,
  at: number,
) => Promise<x509.X509Certificate>

function issueBy(
  root: Root,
  published: string | null,
  ...[publicKey, names, days, at]: Parameters<Issue>
): Promise<x509.X509Certificate> {
  const crl = published === null ? [] : [`${published}${crlPath}/${root.id}.crl`]
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [names[0] ?? ''] }],
    issuer: root.certificate.subject,
    notBefore: new Date(at - 60_000),
    notAfter: new Date(Math.min(at + Math.round(days * dayMs), root.notAfter)),
    publicKey,
    signingKey: root.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map(generalName)),
      ...(crl.length === 0 ? [] : [new x509.CRLDistributionPointsExtension(crl)]),
    ],
  })
}

async function issuePair(issue: Issue, names: readonly string[], at: number): Promise<IssuedPair> {
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await issue(keys.publicKey, names, ownDays, at)
  return { certificatePem: pemOf(certificate), keyPem: await exportKey(keys.privateKey) }
}

function rootAt({ signing }: Roots, at: number): Root {
  const root = signingAt(signing, at)
  if (root === undefined) throw new Error('there is no CA that signs')
  return root
}
