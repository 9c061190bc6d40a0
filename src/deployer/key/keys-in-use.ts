import type { DeploymentRecords } from '../../journal/deployment-record.ts'
import { limits } from '../../limit/limits.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import type { KeyRequests } from '../work/key-requests.ts'
import { forgetKeyrings, type Keyrings, keysOf } from './keyrings.ts'

/** Who needs keys. */
export interface KeyUsers {
  /** What is live on each target. */
  readonly records: Pick<DeploymentRecords, 'list'>
  readonly keyRequests: KeyRequests
  readonly keyrings: Keyrings
  /** The certificates (PEM) that deployments wait with. */
  readonly arrived: () => Promise<readonly string[]>
}

/** The SPKI digests of the keys that a record, a job, a keyring or a TLSA record needs. Keyrings that nothing needs are forgotten. */
export async function keysInUse({ records, keyRequests, keyrings, arrived }: KeyUsers): Promise<ReadonlySet<string>> {
  const live = await liveKeys({ records })
  await forgetKeyrings(keyrings, live, Date.now())
  return new Set([
    ...live,
    ...(await keyRequests.list()).map(({ document }) => document.spkiSha256),
    ...(await keyrings.list()).flatMap(({ document }) => keysOf(document)),
    ...(await arrived()).flatMap(keyOf),
  ])
}

async function liveKeys({ records }: Pick<KeyUsers, 'records'>): Promise<ReadonlySet<string>> {
  return new Set((await records.list()).map(({ document }) => document.certificate.spkiSha256))
}

/** Certificates come without end where a control plane wants it so: beyond the most, the oldest keyrings are forgotten. */
export async function makeRoomForKeyring(users: Pick<KeyUsers, 'records' | 'keyrings'>): Promise<void> {
  if ((await users.keyrings.count()) < limits.keyringsKept.most) return
  await forgetKeyrings(users.keyrings, await liveKeys(users), Date.now())
}

/** What cannot be read is deployed with no key. */
function keyOf(pem: string): readonly string[] {
  try {
    return parseCertificates(pem)
      .slice(0, 1)
      .map(({ spkiSha256 }) => spkiSha256)
  } catch {
    return []
  }
}
