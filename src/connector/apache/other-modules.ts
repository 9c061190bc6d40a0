import type { ApacheDirective, ApacheDump } from './parse-dump.ts'
import { absolute } from './read-server.ts'

/** What modules beside mod_ssl say of certificates. */
interface OtherModules {
  readonly named: readonly string[]
  readonly doubts: readonly string[]
}

const modules = [
  { says: /^md(omain(set)?|certificate(key)?file)$/, doubt: 'Apache has certificates that mod_md keeps.' },
  { says: /^gnutls(enable|(x509)?(certificate|key)file)$/, doubt: 'Apache has certificates of mod_gnutls.' },
  { says: /^tls(engine|certificate)$/, doubt: 'Apache has certificates of mod_tls.' },
]

/** Which of their files a listener shows is not told: where they have any, no path is called unread. */
export function otherModules({ root, servers, domains }: ApacheDump): OtherModules {
  const directives = [...servers.flatMap((server) => server.directives), ...domains]
  const told = modules.filter(({ says }) => directives.some(({ name }) => says.test(name)))
  const paths = directives.filter(isOfFiles).flatMap(({ args }) => args.map((path) => absolute(path, root)))
  return { named: paths.filter((path) => path !== null), doubts: told.map(({ doubt }) => doubt) }
}

/** `TLSCertificate` names the certificate and then its key; the others are for one of the two each. */
function isOfFiles({ name }: ApacheDirective): boolean {
  return /^(md|gnutls|gnutlsx509)(certificate|certificatekey|key)file$|^tlscertificate$/.test(name)
}
