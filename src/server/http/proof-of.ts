import type { FastifyRequest } from 'fastify'
import { peerFingerprint } from '../../host/socket/peer-fingerprint.ts'
import type { Proof } from '../operation/agent/authenticate-agent.ts'
import { secretProof } from '../operation/secret.ts'
import { secretIn } from './bearer.ts'

/** What this request shows for who it comes from: its secret; where there is no Authorization at all, the certificate of its connection. */
export function proofOf(request: FastifyRequest): Proof | null {
  const secret = secretIn(request)
  if (secret !== null) return secretProof(secret)
  if (request.headers.authorization !== undefined) return null
  const fingerprint = peerFingerprint(request.raw.socket)
  return fingerprint === null ? null : { kind: 'certificate', hash: fingerprint }
}
