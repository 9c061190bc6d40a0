import type { Engine } from '../deployer/engine.ts'
import { readable } from '../deployer/propose/live-leaf.ts'
import { askTlsa, resolversOf } from '../dns/tlsa.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import { matchesTlsa } from '../policy/dane.ts'
import type { Finding } from './finding.ts'

/** Further names are not asked for. */
const mostNames = 50

/** Whether the TLSA records of what is deployed match the live pairs, as senders see them. What has none is not told of. */
export async function examineDane(
  { archive, policy }: Pick<Engine, 'archive' | 'policy'>,
  records: readonly DeploymentRecord[],
): Promise<readonly Finding[]> {
  if (policy.dane === 'off') return []
  const servers = resolversOf(policy.resolvers)
  const asked = records.flatMap((record) => ownersOf(record).map((owner) => ({ owner, record }))).slice(0, mostNames)
  const found = await Promise.all(
    asked.map(async ({ owner, record }): Promise<readonly Finding[]> => {
      const answer = await askTlsa(owner, servers)
      const what = `TLSA records of ${owner}`
      if ('failed' in answer) {
        const detail = `The DNS does not answer: ${answer.failed}. Nobody knows whether they match.`
        return policy.dane === 'hold' ? [{ what, verdict: 'warning', detail }] : []
      }
      if (answer.records.length === 0) return []
      const live = (await archive.list(record.target)).find(({ sha256 }) => sha256 === record.certificate.sha256)
      const [leaf, ...chain] = live === undefined ? [] : readable(Buffer.from(live.certificatePem))
      if (leaf === undefined) return []
      const name = record.targetName ?? record.target
      if (!matchesTlsa({ leaf, chain }, answer.records)) {
        const detail = `None matches the live pair of ${name}: senders that check DANE refuse this host. Publish: ${owner}. IN TLSA 3 1 1 ${leaf.spkiSha256}`
        return [{ what, verdict: 'failed', detail }]
      }
      const isSeen = answer.isSecure
        ? ''
        : ' No validating resolver on loopback says so, and senders ignore them in a zone that is not signed.'
      return [
        { what, verdict: 'ok', detail: `one of ${answer.records.length} matches the live pair of ${name}.${isSeen}` },
      ]
    }),
  )
  return found.flat()
}

/** Names of a certificate at the ports where it is looked for; wildcards and addresses have no such records. */
function ownersOf({ certificate, looks }: DeploymentRecord): readonly string[] {
  const names = [...certificate.names, ...looks.flatMap(({ servername }) => servername ?? [])]
    .map((name) => name.toLowerCase())
    .filter((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(name) && !/^[\d.]+$/.test(name))
  const ports = [...new Set(looks.map(({ port }) => port))]
  return [...new Set(names)].flatMap((name) => ports.map((port) => `_${port}._tcp.${name}`))
}
