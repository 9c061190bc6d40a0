import { createHash } from 'node:crypto'
import type { Endpoint } from './request.ts'

/** What is configured. */
export interface BasisOf extends Endpoint {
  readonly agentId: string
  readonly followsCa?: boolean
}

/** Digests of what trust and credential depend on; trust: null: no CA is followed. */
interface Basis {
  readonly trust: string | null
  readonly credential: string
}

/** Without the secrets themselves. Another file of CAs, or another enrolment, makes another one. */
export function basisOf({ url, ca, credential, agentId, followsCa = false }: BasisOf): Basis {
  const digest = (...parts: readonly string[]): string =>
    createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return {
    trust: followsCa && ca !== null ? digest('trust', url, ca) : null,
    credential: digest('credential', url, agentId, credential),
  }
}
