import { whyCaaRefuses } from '../../dns/caa.ts'
import { resolversOf } from '../../dns/tlsa.ts'
import type { Authority } from '../authority/authority.ts'
import type { ServerConfig } from '../config/server-config.ts'
import { type AcmeIssuer, type AcmeParts, acmeIssuer } from './acme/acme-issuer.ts'
import { dnsSolver } from './acme/dns-solver.ts'
import { lookFirstBy } from './acme/look-first.ts'
import type { Solver } from './acme/solver.ts'
import type { Issuer } from './issuer.ts'
import { localIssuer } from './local-issuer.ts'
import { openModuleIssuer } from './module-issuer.ts'

/** Who signs here. */
export interface Issuers {
  /** Each once, the bundled CA first where it signs. */
  readonly all: readonly Issuer[]
  /** Those of them that speak ACME. */
  readonly acme: readonly AcmeIssuer[]
  /** Names of those that are asked, in this order, where a certificate names none. */
  readonly order: readonly string[]
}

/** What issuers work with. */
export interface IssuerParts extends Pick<AcmeParts, 'store' | 'dataDir'> {
  readonly authority: Authority
  /** Ways of proof beside the zones of the configuration. */
  readonly solvers?: readonly Solver[]
  /** Told what could not be looked at before a CA looks. */
  readonly warn: (facts: object, message: string) => void
}

/** Opens those of the configuration. ISSUER_INVALID: a module cannot be used. */
export async function openIssuers(
  { dns, resolvers, issuers }: Pick<ServerConfig, 'dns' | 'resolvers' | 'issuers'>,
  { authority, solvers = [], warn, ...parts }: IssuerParts,
): Promise<Issuers> {
  const all: Issuer[] = issuers.hasLocal ? [localIssuer(authority)] : []
  const acme: AcmeIssuer[] = []
  const asked = resolvers.length === 0 ? resolversOf([]) : resolvers
  const shared: AcmeParts = {
    ...parts,
    solvers: [dnsSolver(dns, asked), ...solvers],
    caa: (name, request) => whyCaaRefuses(name, request, asked),
    lookAtAnswers: lookFirstBy({ resolvers: asked, warn }),
  }
  for (const config of issuers.others) {
    if (config.kind === 'module') all.push(await openModuleIssuer(config))
    else {
      const issuer = acmeIssuer(config, shared)
      acme.push(issuer)
      all.push(issuer)
    }
  }
  return { all, acme, order: issuers.order }
}
