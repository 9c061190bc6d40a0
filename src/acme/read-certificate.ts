import { readPem } from '../material/read-pem.ts'
import { unusable } from './problem.ts'

/** What a CA has signed. It is held against the CSR, and its chain put in order, by who asked for it. */
export interface AcmeCertificate {
  /** Leaf and chain. */
  readonly pem: string
  /** URLs of other chains for it. */
  readonly alternates: readonly string[]
}

const mostAlternates = 10

/** ACME_UNREACHABLE: there is no certificate in it, or something else, too. `links`: Link headers (RFC 8288). */
export function readAcmeCertificate(text: string, links: readonly string[], at: string): AcmeCertificate {
  const { blocks, torn } = readPem(text)
  const isPlain = blocks.every(({ label, der }) => label === 'CERTIFICATE' && der !== null)
  if (blocks.length === 0 || torn.length > 0 || !isPlain) throw unusable('its answer is no certificate')
  const targets = links.flatMap((link) => [...link.matchAll(/<([^<>]{1,2048})>\s*;([^,<]{0,200})/g)])
  const alternates = targets.flatMap(([, target = '', parameters = '']) =>
    /rel="?alternate"?/i.test(parameters) && URL.canParse(target, at) ? [new URL(target, at).href] : [],
  )
  return { pem: text, alternates: alternates.slice(0, mostAlternates) }
}
