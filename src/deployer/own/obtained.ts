import type { OwnRenewal } from '../../config/acme-policy.ts'
import { type DocumentFolder, openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import { readable } from '../propose/live-leaf.ts'

/** A certificate that this host has renewed by itself, and how often its deployments were asked for. */
export interface ObtainedCertificate {
  /** Leaf and chain. */
  readonly pem: string
  readonly tries: number
  /** The last time: milliseconds since 1970. */
  readonly at: number
}

/** By the SHA-256 of the leaf that it takes the place of: as long as it is good, no other one is ordered. */
export type ObtainedCertificates = DocumentFolder<ObtainedCertificate>

/** JSON schema of one. */
export const obtainedSchema = {
  type: 'object',
  required: ['pem', 'tries', 'at'],
  properties: { pem: { type: 'string' }, tries: { type: 'integer', minimum: 1 }, at: { type: 'number' } },
} as const

/** Opens those that are kept below the state directory. */
export async function openObtained(path: string): Promise<ObtainedCertificates> {
  return openDocumentFolder({ path, schema: obtainedSchema })
}

/** Whether this PEM, leaf first, is of one of them, whoever brings it. */
export async function isObtained(pem: string, obtained: Pick<ObtainedCertificates, 'list'>): Promise<boolean> {
  const leafOf = (text: string): string | undefined => readable(Buffer.from(text))[0]?.sha256
  const own = (await obtained.list()).flatMap(({ document }) => leafOf(document.pem) ?? [])
  return own.includes(leafOf(pem) ?? '')
}

const firstWaitMs = 10 * 60_000
const longestWaitMs = 6 * 60 * 60_000
/** Of the life of a certificate that lives for hours. */
const longestShare = 1 / 20

/** Whether it is worth being deployed: it has not used its own share of life. */
export function isStillGood({ pem }: ObtainedCertificate, { after }: OwnRenewal, now: number): boolean {
  const { from, life } = lifeOf(pem)
  return now < from + life * after
}

/** When a deployment that failed is asked for again: later and later. A clock that was ahead holds back nothing. */
export function isTimeToTry({ pem, tries, at }: ObtainedCertificate, now: number): boolean {
  const wait = Math.min(firstWaitMs * 2 ** Math.min(tries - 1, 10), longestWaitMs, lifeOf(pem).life * longestShare)
  return at > now || now - at >= wait
}

function lifeOf(pem: string): { readonly from: number; readonly life: number } {
  const [leaf] = parseCertificates(pem)
  const from = Date.parse(leaf?.notBefore ?? '')
  return { from, life: Date.parse(leaf?.notAfter ?? '') - from }
}
