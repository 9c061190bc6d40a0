import type { OwnRenewal } from '../../config/acme-policy.ts'
import type { DueRenewal } from '../../documents/own-renewal.ts'
import type { ArchivedPair } from '../../journal/archive.ts'
import type { DeploymentRecord } from '../../journal/deployment-record.ts'
import { maxNames } from '../../material/certificate-request.ts'
import { checkName } from '../../policy/policy.ts'
import type { Engine } from '../engine.ts'

/** A certificate that is due, with the targets that it is live on. */
export interface OwnDue extends DueRenewal {
  /** Of its key, which stays: TLSA records that fit the key fit the next certificate, too. */
  readonly keyPem: string
  readonly spkiSha256: string
  readonly pairs: readonly ArchivedPair[]
}

/** What names of the DNS a challenge at port 80 proves. */
const plainName = /^(?!\d+(\.\d+)*$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/i

/** All that have used their share of life, nearest end first, and those that have ended last, for they may have been given up: live by a record, kept in the archive, with names that policy allows. */
export async function dueRenewals(
  { records, archive, policy, clock }: Pick<Engine, 'records' | 'archive' | 'policy' | 'clock'>,
  own: OwnRenewal,
): Promise<readonly OwnDue[]> {
  const now = clock.now()
  const due = new Map<string, OwnDue>()
  for (const { document: record } of await records.list()) {
    const { notBefore, notAfter, sha256 } = record.certificate
    const [from, to] = [Date.parse(notBefore), Date.parse(notAfter)]
    if (!(now >= from + (to - from) * own.after) || !mayAsk(record, own, policy.names)) continue
    const pair = (await archive.list(record.target)).find((one) => one.sha256 === sha256)
    if (pair === undefined) continue
    const known = due.get(sha256)
    due.set(sha256, {
      leaf: sha256,
      names: record.certificate.names,
      replaces: pair.certificatePem,
      notBefore: from,
      notAfter: to,
      keyPem: pair.keyPem,
      spkiSha256: record.certificate.spkiSha256,
      pairs: [...(known?.pairs ?? []), pair],
    })
  }
  const hasEnded = ({ notAfter }: OwnDue): number => (notAfter <= now ? 1 : 0)
  return [...due.values()].toSorted((one, other) => hasEnded(one) - hasEnded(other) || one.notAfter - other.notAfter)
}

function mayAsk({ certificate }: DeploymentRecord, { names }: OwnRenewal, all: readonly string[] | null): boolean {
  try {
    for (const name of certificate.names) {
      checkName(name, all)
      checkName(name, names)
    }
  } catch {
    return false
  }
  const { length } = certificate.names
  return length > 0 && length <= maxNames && certificate.names.every((name) => plainName.test(name))
}
