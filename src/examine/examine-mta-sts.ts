import type { Config } from '../config/config.ts'
import { resolversOf } from '../dns/tlsa.ts'
import { ownNames } from '../host/host-facts.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import { lookAtDomain, type StsLook } from '../mta-sts/look-at-domain.ts'
import { mailDomains } from '../mta-sts/mail-domains.ts'
import type { Finding } from './finding.ts'

/** What senders that honour MTA-STS see of the domains of this host: those of the configuration, and those that Postfix takes mail for. */
export async function examineMtaSts(
  { mtaSts, policy }: Config,
  records: readonly DeploymentRecord[],
  findDomains: () => Promise<readonly string[]> = mailDomains,
): Promise<readonly Finding[]> {
  const found = mtaSts.domains ?? (await findDomains())
  const view = {
    resolvers: resolversOf(policy.resolvers),
    ownNames: await ownNames(),
    servedNames: records.flatMap(({ certificate }) => certificate.names),
  }
  const looks = await Promise.all(found.map((domain) => lookAtDomain(domain, view)))
  const hint = mtaSts.domains === null ? ' To have it watched, name it in mta_sts.domains.' : ''
  return looks.flatMap((look) => findingOf(look, hint))
}

function findingOf({ domain, verdict, problems, policy }: StsLook, hint: string): readonly Finding[] {
  if (verdict === 'none') return []
  const what = `MTA-STS of ${domain}`
  if (verdict === 'ok')
    return [{ what, verdict, detail: `its policy (${policy?.mode}) names each MX of the domain.${hint}` }]
  return [{ what, verdict, detail: problems.map(({ text }) => text).join(' ') }]
}
