import { createHash } from 'node:crypto'
import { catalogue, type ErrorCode } from '../error/catalogue.ts'

/** What may be the matter, by kind. */
export const matterKinds = [
  'rollback-failed',
  'deployment',
  'certificate-end',
  'issuer',
  'renewal',
  'dane',
  'mta-sts',
  'agent-silent',
  'control-plane',
  'deployer',
  'drift',
  'rollout-stopped',
  'twin',
] as const
export type MatterKind = (typeof matterKinds)[number]

/** Something that wants a person, as it is seen now. Its texts may be anybody's: each output escapes them. */
export interface Condition {
  readonly kind: MatterKind
  /** Of the catalogue, or a word of ours. */
  readonly code: string
  /** Id of what it is about: a target, a certificate, an agent. */
  readonly subject: string
  readonly agent: string | null
  readonly target: string | null
  readonly certificate: string | null
  /** What is wrong, on one line. */
  readonly text: string
}

/** A condition with its life. Times are milliseconds since 1970, UTC; null: there is none. */
export interface Matter extends Condition {
  /** The same for the same kind, code, agent and subject. */
  readonly id: string
  readonly openedAt: number
  /** When it was seen last. */
  readonly seenAt: number
  /** Since when it is over; null: it is not. */
  readonly overAt: number | null
  /** When it was told last, and as what; null: never. */
  readonly toldAt: number | null
  readonly toldAs: 'open' | 'over' | null
  /** How often, in the day that began at `countedFrom`. */
  readonly tellings: number
  readonly countedFrom: number
}

const longestText = 2000
const longestName = 200

/** Names one matter, whoever looks. */
export function matterId({ kind, code, agent, subject }: Condition): string {
  const name = JSON.stringify([kind, code, agent, subject])
  return createHash('sha256').update(name).digest('hex').slice(0, 16)
}

/** The condition in the length that is kept. */
export function cutShort(condition: Condition): Condition {
  const cut = (name: string | null): string | null => name?.slice(0, longestName) ?? null
  const { agent, target, certificate, subject, text } = condition
  return {
    ...condition,
    subject: subject.slice(0, longestName),
    agent: cut(agent),
    target: cut(target),
    certificate: cut(certificate),
    text: text.slice(0, longestText),
  }
}

/** The code of an error that is known here; OTHER: none. Whoever writes the error has so many matters to choose from, and no more. */
export function codeIn(error: string): ErrorCode | 'OTHER' {
  const [word = ''] = /^[A-Z][A-Z_]{2,63}/.exec(error) ?? []
  if (Object.hasOwn(catalogue, word)) return word as ErrorCode
  const known = Object.entries(catalogue).find(([, { message }]) => error.startsWith(message))
  return (known?.[0] as ErrorCode | undefined) ?? 'OTHER'
}
