import { createHash } from 'node:crypto'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { AuditRow } from './rows.ts'

/** The hash before the first link. */
export const noLink = '0'.repeat(64)

/** A row with its place in the chain. */
export type Link = Pick<AuditRow, 'seq' | 'at' | 'actor' | 'action' | 'subject' | 'details'> & {
  readonly link: number
  readonly previousHash: string
  readonly hash: string
}

/** What a chain ends with. */
export type ChainEnd = Pick<Link, 'link' | 'hash'>

/** SHA-256 of a row with its place and the hash before it, hex. */
export function hashOfLink({
  link,
  previousHash,
  seq,
  at,
  actor,
  action,
  subject,
  details,
}: Omit<Link, 'hash'>): string {
  const text = JSON.stringify([link, previousHash, seq, at, actor, action, subject, details])
  return createHash('sha256').update(text).digest('hex')
}

/** Follows a piece of the chain from the end of the one before; returns its own. AUDIT_BROKEN: a row was changed, removed or put in. */
export function followChain(from: ChainEnd, links: readonly Link[]): ChainEnd {
  let end = from
  for (const row of links) {
    if (row.link !== end.link + 1 || row.previousHash !== end.hash || row.hash !== hashOfLink(row))
      throw new WaxsealError('AUDIT_BROKEN', { link: end.link + 1, seq: row.seq })
    end = { link: row.link, hash: row.hash }
  }
  return end
}
