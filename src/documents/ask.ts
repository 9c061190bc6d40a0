import type { ErrorDetails } from '../error/waxseal-error.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { closed, listOf, orNull } from './closed.ts'
import { type Discovery, discoverySchema, listenerSchema, type Place, placesSchema } from './discovery.ts'
import { documentsVersion } from './documents-version.ts'
import { type Job, jobSchemaOf } from './job.ts'
import { type Ledger, ledgerSchema } from './ledger.ts'
import { type Membership, membershipSchema } from './membership.ts'
import { type RenewalAnswers, type RenewalAsk, renewalAnswerSchemas, renewalAskSchemas } from './own-renewal.ts'
import { type Report, reportSchema } from './report.ts'

/** The longest document, in bytes: a job of the largest answer of a control plane, or a page of reports. */
export const longestDocument = 4 * 1024 * 1024

/** An error as it goes from one half to the other. */
export interface ToldError {
  readonly code: string
  readonly details: ErrorDetails
}

/** What the courier asks of the deployer: one document, one connection, one answer. */
export type Ask =
  | RenewalAsk
  /** Jobs of a poll. They are durable when this is answered; the same id again is the same job. */
  | { readonly ask: 'take'; readonly jobs: readonly Job[] }
  /** A certificate that was wanted: leaf and chain, PEM. */
  | { readonly ask: 'certificate'; readonly certificateId: string; readonly pem: string }
  /** The control plane refuses to hand out a certificate that was wanted: the jobs for it fail. */
  | { readonly ask: 'withheld'; readonly certificateId: string; readonly error: ToldError }
  /** Begin what was taken, as far as its certificate is there. */
  | { readonly ask: 'work' }
  /**
   * What there is to tell the control plane, and to fetch from it; a page of it, after the report with this id. With `seen`, and
   * as long as nothing is other than at that stamp and work is under way, the answer waits, for `waitMs` at most.
   */
  | { readonly ask: 'answers'; readonly seen: string | null; readonly after: string | null; readonly waitMs: number }
  /** What the control plane has taken, or refuses. */
  | {
      readonly ask: 'delivered'
      readonly reports: readonly Delivered[]
      readonly requests: readonly { readonly jobId: string; readonly error: ToldError | null }[]
    }
  /** Look at every target: files and ports against the records. */
  | { readonly ask: 'inspect' }
  /** The control plane asks to cancel these jobs: those that were not begun end so, the others finish. */
  | { readonly ask: 'cancel'; readonly jobIds: readonly string[] }
  /** Which jobs wait here that were not begun? */
  | { readonly ask: 'unbegun' }
  /** A courier has started, and asks for what was kept for it. */
  | { readonly ask: 'introduce' }
  /** What the courier is to find after its next start. Durable when this is answered. */
  | { readonly ask: 'keep'; readonly membership: Membership }
  /** What was told to people is kept over a restart; null: hand out what is kept. Durable when this is answered. */
  | { readonly ask: 'matters'; readonly ledger: Ledger | null }
  /** Search the folders of `discovery.folders`. `listener`: a digest of whom it is told to, for another one has heard nothing. */
  | { readonly ask: 'discover'; readonly listener: string }
  /** The control plane has heard of these certificates, and that those are gone. Durable when this is answered. */
  | {
      readonly ask: 'told'
      readonly listener: string
      readonly certificates: readonly Place[]
      readonly gone: readonly Place[]
    }

/** What became of a report. */
export interface Delivered {
  readonly id: string
  /** Of the report that was sent: a later one of the same id stays. */
  readonly digest: string
  /** `held`: reports of its kind are refused as a whole; a few are kept. */
  readonly fate: 'taken' | 'refused' | 'held'
  /** What the control plane said; null: it took it. */
  readonly refusal: string | null
}

/** A report that is not delivered yet. */
export interface Undelivered {
  readonly id: string
  readonly digest: string
  /** Milliseconds since 1970. */
  readonly since: number
  /** What was said when its kind was refused as a whole; null: it was not. */
  readonly refusal: string | null
  readonly report: Report
}

/** A request for a certificate, with a key that stays with the deployer. */
export interface CertificateRequest {
  readonly jobId: string
  readonly certificateId: string
  readonly csrPem: string
  /** SPKI digest of the key that the next rotation takes; null: none was asked for, or could be had. */
  readonly nextSpki: string | null
}

/** What the deployer has for the control plane. */
export interface Answers {
  /** Of this state; a restart or any change makes another one. */
  readonly stamp: string
  /** Work is under way: more will come. */
  readonly isBusy: boolean
  /** Jobs that have not ended: at work, put off, or without their certificate. */
  readonly pending: number
  /** Oldest first. */
  readonly reports: readonly Undelivered[]
  /** The id to go on after; null: that was all. */
  readonly next: string | null
  readonly requests: readonly CertificateRequest[]
  /** Ids of the certificates that jobs wait for. */
  readonly wanted: readonly string[]
}

/** What one target is like, against what was deployed to it. */
export interface TargetLook {
  readonly target: string
  /** RFC 3339, UTC. */
  readonly at: string
  /** What is not as it was deployed, a sentence each, without any command's output. */
  readonly reasons: readonly string[]
}

/** The answer to each ask. */
export interface AnswerTo extends RenewalAnswers {
  /** How many were new; `full`: why no further job may be taken; null: there is room. */
  readonly take: { readonly fresh: number; readonly full: string | null }
  readonly certificate: Record<string, never>
  readonly withheld: Record<string, never>
  readonly work: Record<string, never>
  readonly answers: Answers
  readonly delivered: Record<string, never>
  readonly inspect: { readonly looks: readonly TargetLook[] }
  readonly cancel: Record<string, never>
  /** At most 1000, oldest first. */
  readonly unbegun: { readonly jobIds: readonly string[] }
  /** `starts`: how often a courier has started with this state directory, this start included; null: its disk takes no count. */
  readonly introduce: { readonly starts: number | null; readonly membership: Membership }
  readonly keep: Record<string, never>
  readonly matters: { readonly ledger: Ledger }
  readonly discover: Discovery
  readonly told: Record<string, never>
}

const id = { type: 'string', minLength: 1, maxLength: 1024 } as const
const text = { type: 'string', maxLength: 4096 } as const
const pem = { type: 'string', maxLength: 1024 * 1024 } as const
const stamp = { type: 'string', minLength: 1, maxLength: 100 } as const
const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const

const toldError = closed({
  code: { type: 'string', pattern: '^[A-Z_]{1,60}$' },
  details: {
    type: 'object',
    maxProperties: 50,
    additionalProperties: {
      anyOf: [
        { type: ['string', 'number', 'boolean', 'null'], maxLength: 65_536 },
        { type: 'array', maxItems: 1000, items: { type: 'string', maxLength: 4096 } },
      ],
    },
  },
})

/** JSON schema of an ask, by its word. */
const askSchemas = {
  take: closed({ ask: { const: 'take' }, jobs: listOf(jobSchemaOf(true), 1000) }),
  certificate: closed({ ask: { const: 'certificate' }, certificateId: id, pem }),
  withheld: closed({ ask: { const: 'withheld' }, certificateId: id, error: toldError }),
  work: closed({ ask: { const: 'work' } }),
  answers: closed({
    ask: { const: 'answers' },
    seen: orNull(stamp),
    after: orNull(id),
    waitMs: { type: 'integer', minimum: 0, maximum: 60_000 },
  }),
  delivered: closed({
    ask: { const: 'delivered' },
    reports: listOf(closed({ id, digest, fate: { enum: ['taken', 'refused', 'held'] }, refusal: orNull(text) }), 1000),
    requests: listOf(closed({ jobId: id, error: orNull(toldError) }), 1000),
  }),
  inspect: closed({ ask: { const: 'inspect' } }),
  cancel: closed({ ask: { const: 'cancel' }, jobIds: listOf(id, 1000) }),
  unbegun: closed({ ask: { const: 'unbegun' } }),
  introduce: closed({ ask: { const: 'introduce' } }),
  keep: closed({ ask: { const: 'keep' }, membership: membershipSchema }),
  matters: closed({ ask: { const: 'matters' }, ledger: orNull(ledgerSchema) }),
  discover: closed({ ask: { const: 'discover' }, listener: listenerSchema }),
  told: closed({ ask: { const: 'told' }, listener: listenerSchema, certificates: placesSchema, gone: placesSchema }),
  ...renewalAskSchemas,
} as const satisfies Record<Ask['ask'], object>

/** JSON schema of each answer. */
const answerSchemas = {
  take: closed({ fresh: { type: 'integer', minimum: 0 }, full: orNull(text) }),
  certificate: closed({}),
  withheld: closed({}),
  work: closed({}),
  answers: closed({
    stamp,
    isBusy: { type: 'boolean' },
    pending: { type: 'integer', minimum: 0 },
    reports: listOf(
      closed({ id, digest, since: { type: 'number' }, refusal: orNull(text), report: reportSchema }),
      1000,
    ),
    next: orNull(id),
    requests: listOf(
      closed({
        jobId: id,
        certificateId: id,
        csrPem: { type: 'string', maxLength: 65_536 },
        nextSpki: orNull(digest),
      }),
      1000,
    ),
    wanted: listOf(id, 1000),
  }),
  delivered: closed({}),
  inspect: closed({ looks: listOf(closed({ target: id, at: text, reasons: listOf(text, 1000) }), 100_000) }),
  cancel: closed({}),
  unbegun: closed({ jobIds: listOf(id, 1000) }),
  introduce: closed({ starts: orNull({ type: 'integer', minimum: 1 }), membership: membershipSchema }),
  keep: closed({}),
  matters: closed({ ledger: ledgerSchema }),
  discover: discoverySchema,
  told: closed({}),
  ...renewalAnswerSchemas,
} as const satisfies Record<Ask['ask'], object>

const isAsk = Object.fromEntries(
  Object.entries(askSchemas).map(([word, schema]) => [word, schemaCheck<Ask>(schema)]),
) as Record<Ask['ask'], ReturnType<typeof schemaCheck<Ask>>>
const isAnswer = Object.fromEntries(
  Object.entries(answerSchemas).map(([word, schema]) => [word, schemaCheck<unknown>(schema)]),
) as Record<Ask['ask'], ReturnType<typeof schemaCheck<unknown>>>
const envelopeSchema = closed({ v: { type: 'integer' }, document: {} })
const isEnvelope = schemaCheck<{ readonly v: number; readonly document: unknown }>(envelopeSchema)
const toldSchema = closed({ error: toldError })
const isTold = schemaCheck<{ readonly error: ToldError }>(toldSchema)

/** The JSON schemas that each half holds the other's lines against: the bundle has them compiled. */
export const lineSchemas: { readonly ofAsks: readonly object[]; readonly ofAnswers: readonly object[] } = {
  ofAsks: [envelopeSchema, ...Object.values(askSchemas)],
  ofAnswers: [envelopeSchema, toldSchema, ...Object.values(answerSchemas)],
}

/** A document as one line. */
export function lineOf(document: Ask | AnswerTo[Ask['ask']] | { readonly error: ToldError }): string {
  return `${JSON.stringify({ v: documentsVersion, document })}\n`
}

/** Thrown by the readers of lines: what is wrong, in few words; `isOther`: the other half is of another version. */
export class LineRefused extends Error {
  readonly isOther: boolean

  constructor(reason: string, isOther = false) {
    super(reason)
    this.isOther = isOther
  }
}

function opened(line: string): unknown {
  let envelope: unknown
  try {
    envelope = JSON.parse(line)
  } catch {
    throw new LineRefused('it is not JSON')
  }
  if (!isEnvelope(envelope)) throw new LineRefused('it is no document')
  if (envelope.v !== documentsVersion) throw new LineRefused(`it is of version ${envelope.v}`, true)
  return envelope.document
}

/** The ask in a line; throws LineRefused. */
export function readAsk(line: string): Ask {
  const document = opened(line)
  const word = (document as { readonly ask?: unknown } | null)?.ask
  const check = typeof word === 'string' && Object.hasOwn(isAsk, word) ? isAsk[word as Ask['ask']] : null
  if (check === null) throw new LineRefused('nothing is asked for that is known')
  if (check(document)) return document
  throw new LineRefused(
    `the ask is not valid: ${check.errors?.[0]?.instancePath ?? ''} ${check.errors?.[0]?.message ?? ''}`,
  )
}

/** The answer to this ask in a line, or the error that was told; throws LineRefused. */
export function readAnswer<Word extends Ask['ask']>(
  word: Word,
  line: string,
): AnswerTo[Word] | { readonly error: ToldError } {
  const document = opened(line)
  if (isTold(document)) return document
  if (isAnswer[word](document)) return document as AnswerTo[Word]
  throw new LineRefused(`the answer to ${word} is not valid`)
}
