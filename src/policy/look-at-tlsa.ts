import type { PolicyConfig } from '../config/config.ts'
import { askTlsa, resolversOf, writeTlsa } from '../dns/tlsa.ts'
import type { Certificate } from '../material/material.ts'
import { matchesTlsa } from './dane.ts'

/** How the TLSA records of an owner name stand to a pair that is live. */
export interface TlsaLook {
  readonly owner: string
  /** `unknown`: the DNS does not answer. */
  readonly state: 'matches' | 'mismatch' | 'unknown'
  /** The records as zone files have them. */
  readonly published: readonly { readonly value: string; readonly matches: boolean }[]
  /** A validating resolver on loopback says so. */
  readonly isSecure: boolean
  /** The record to publish where none matches; null: one does, or nobody knows. */
  readonly publish: string | null
  /** Why the DNS does not answer; null: it does. */
  readonly failed: string | null
}

/** One may hold a whole certificate. */
const longestValue = 200

/**
 * Asks for the records of an owner name as senders do; null: it has none. The pair is read only where some are there; without a certificate
 * nothing is said of them.
 */
export async function lookAtTlsa(
  owner: string,
  readPair: () => Promise<readonly Certificate[]>,
  resolvers: PolicyConfig['resolvers'],
): Promise<TlsaLook | null> {
  const answer = await askTlsa(owner, resolversOf(resolvers))
  if ('failed' in answer)
    return { owner, state: 'unknown', published: [], isSecure: false, publish: null, failed: answer.failed }
  const { records, isSecure } = answer
  if (records.length === 0) return null
  const [leaf, ...chain] = await readPair()
  if (leaf === undefined) return null
  const isMatched = matchesTlsa({ leaf, chain }, records)
  return {
    owner,
    state: isMatched ? 'matches' : 'mismatch',
    published: records.map((record) => ({
      value: writeTlsa(record).slice(0, longestValue),
      matches: matchesTlsa({ leaf, chain }, [record]),
    })),
    isSecure,
    publish: isMatched ? null : `${owner}. IN TLSA 3 1 1 ${leaf.spkiSha256}`,
    failed: null,
  }
}
