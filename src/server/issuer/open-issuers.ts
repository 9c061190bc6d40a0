import type { Authority } from '../authority/authority.ts'
import type { IssuersConfig } from '../config/server-config.ts'
import type { Issuer } from './issuer.ts'
import { localIssuer } from './local-issuer.ts'
import { openModuleIssuer } from './module-issuer.ts'

/** Who signs here. */
export interface Issuers {
  /** Each once, the bundled CA first where it signs. */
  readonly all: readonly Issuer[]
  /** Names of those that are asked, in this order, where a certificate names none. */
  readonly order: readonly string[]
}

/** Opens those of the configuration. ISSUER_INVALID: a module cannot be used. */
export async function openIssuers({ hasLocal, others, order }: IssuersConfig, authority: Authority): Promise<Issuers> {
  const opened: Issuer[] = hasLocal ? [localIssuer(authority)] : []
  for (const issuer of others) if (issuer.kind === 'module') opened.push(await openModuleIssuer(issuer))
  return { all: opened, order }
}
