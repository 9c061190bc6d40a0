import type { Engine } from '../deployer/engine.ts'
import { lookAtDane } from '../deployer/look-at-dane.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import type { Finding } from './finding.ts'

/** A record of a public key of a leaf, as zone files have it: it fits each certificate of the key. */
const ofKey = /^[13] 1 /

/** Whether the TLSA records of what is deployed match the live pairs, as senders see them. What has none is not told of. */
export async function examineDane(
  engine: Pick<Engine, 'archive' | 'policy'>,
  records: readonly DeploymentRecord[],
): Promise<readonly Finding[]> {
  const looks = await lookAtDane(engine, records)
  return looks.map(({ owner, record, state, published, publish, isSecure, failed }): Finding => {
    const what = `TLSA records of ${owner}`
    const name = record.targetName ?? record.target
    if (state === 'unknown') {
      const detail = `The DNS does not answer: ${failed}. Nobody knows whether they match.`
      return { what, verdict: 'warning', detail }
    }
    if (state === 'mismatch') {
      const detail = `None matches the live pair of ${name}: senders that check DANE refuse this host. Publish: ${publish}`
      return { what, verdict: 'failed', detail }
    }
    if (engine.policy.acme.own !== null && !published.some(({ value, matches }) => matches && ofKey.test(value))) {
      const detail = `They match the live pair of ${name}, and none stands for its key: one that this host renews by itself (policy.acme.own) may match none, and waits then. Publish beside them: ${owner}. IN TLSA 3 1 1 ${record.certificate.spkiSha256}`
      return { what, verdict: 'warning', detail }
    }
    const isSeen = isSecure
      ? ''
      : ' No validating resolver on loopback says so, and senders ignore them in a zone that is not signed.'
    return { what, verdict: 'ok', detail: `one of ${published.length} matches the live pair of ${name}.${isSeen}` }
  })
}
