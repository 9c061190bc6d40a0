import type { FoundCertificate } from '../../documents/discovery.ts'
import { searchTree } from '../../host/file/folder/search-tree.ts'
import { limits } from '../../limit/limits.ts'
import { type CertificateInFile, certificatesIn } from '../../material/certificates-in.ts'
import { keyOf } from './told-places.ts'

/** What was found in the folders. */
export interface Found {
  /** By the key of the place, in the order of the paths. */
  readonly certificates: ReadonlyMap<string, FoundCertificate>
  readonly errors: readonly string[]
  /** Nothing that can be looked at was left out: what is not here is not there. */
  readonly isWhole: boolean
}

const largestFile = 1024 * 1024
const longestText = 1024
const mostUnreadable = 10

/** Every certificate in the files below these folders. A file's bytes are overwritten when it was looked at: it may have a key. */
export async function findCertificates(
  folders: readonly string[],
  stateDir: string,
  signal: AbortSignal,
): Promise<Found> {
  const { searchedNames, searchedDepth, searchedPath, searchedBytes, certificatesFound } = limits
  const bounds = {
    names: searchedNames.most,
    depth: searchedDepth.most,
    path: searchedPath.most,
    fileBytes: largestFile,
    bytes: searchedBytes.most,
    signal,
  }
  const search = searchTree(folders, bounds, (path) => path === stateDir || path.startsWith(`${stateDir}/`))
  const certificates = new Map<string, FoundCertificate>()
  const unreadable: string[] = []
  let isFull = false
  for await (const { path, bytes } of search.files) {
    const contents = certificatesIn(bytes)
    bytes.fill(0)
    if (contents.unreadable > 0) unreadable.push(path)
    for (const one of contents.certificates) {
      const found = foundAt(path, one)
      if (certificates.size < certificatesFound.most) certificates.set(keyOf(found), found)
      else isFull = true
    }
    if (isFull) break
  }
  const errors = [
    ...search.errors,
    ...unreadable.slice(0, mostUnreadable).map((path) => `${path} has a certificate that cannot be read.`),
    ...(unreadable.length > mostUnreadable
      ? [`${unreadable.length} files have certificates that cannot be read.`]
      : []),
    ...(isFull ? [`There are more than ${certificatesFound.most} certificates: the rest is left out.`] : []),
  ]
  return { certificates, errors: errors.map(shown), isWhole: search.isWhole() && !isFull }
}

function foundAt(path: string, { certificate, format, ...facts }: CertificateInFile): FoundCertificate {
  return {
    sha256: certificate.sha256,
    path,
    format,
    pem: certificate.pem,
    commonName: facts.commonName.slice(0, longestText),
    sans: facts.hasSans ? certificate.names.map((name) => name.slice(0, longestText)) : [],
    serial: certificate.serial,
    issuer: certificate.issuer.slice(0, longestText),
    subject: certificate.subject.slice(0, longestText),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    keyAlgorithm: facts.keyAlgorithm,
    keySize: facts.keySize,
    isCa: certificate.isCa,
  }
}

/** The name of a file may bring anything. */
function shown(sentence: string): string {
  return sentence.replaceAll(/\p{C}/gu, '?').slice(0, 2000)
}
