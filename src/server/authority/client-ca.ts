import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { readStrongCsr } from './read-csr.ts'
import { addRoot, algorithm, clientCaFiles, newSerial, pemOf, type Root, readRoots } from './roots.ts'

/** The CA of client certificates. What it signs is never a server, and the CA of servers signs no client. */
export interface ClientCa {
  /** Clients are asked for a certificate of one of these. */
  readonly pem: string
  /** A certificate (PEM) for the key of this CSR, whose names count for nothing. JOB_MALFORMED: it is none, or its key is weak. */
  issue(csrPem: string, agentId: string, at: number): Promise<string>
}

const dayMs = 86_400_000
const lifeMs = 30 * dayMs
/** One that ends so soon is not begun with. */
const leastLeftMs = 365 * dayMs

/**
 * Opens the one in `caDir`, which the operator has put there, else in the data directory, where it is made. Whether a certificate is good
 * is in the database: a server whose client CA is another one takes what the others have issued all the same.
 */
export async function openClientCa(dataDir: string, caDir: string | undefined, at: number): Promise<ClientCa> {
  const given = caDir === undefined ? null : await readRoots(caDir, clientCaFiles)
  const roots = given !== null && given.signing.length > 0 ? given : await openOwn(dataDir, at)
  return {
    pem: roots.pem,
    issue: async (csrPem, agentId, now) => {
      const root = roots.signing.at(-1)
      if (root === undefined) throw new Error('there is no CA of client certificates')
      return pemOf(await sign(root, (await readStrongCsr(csrPem)).publicKey, agentId, now))
    },
  }
}

async function openOwn(dataDir: string, at: number) {
  const newest = (await readRoots(dataDir, clientCaFiles)).signing.at(-1)
  if (newest === undefined || newest.notAfter - at < leastLeftMs) await addRoot(dataDir, at, clientCaFiles)
  return readRoots(dataDir, clientCaFiles)
}

function sign(root: Root, publicKey: x509.PublicKey, agentId: string, at: number): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [agentId] }],
    issuer: root.certificate.subject,
    notBefore: new Date(at - 60_000),
    notAfter: new Date(Math.min(at + lifeMs, root.notAfter)),
    publicKey,
    signingKey: root.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  })
}
