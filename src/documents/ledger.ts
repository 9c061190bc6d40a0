import { type Matter, matterKinds } from '../notice/matter.ts'
import type { Notice } from '../notice/notice.ts'
import { closed } from './closed.ts'

/** What the courier has told people, and what it has still to send: the deployer keeps it over a restart. */
export interface Ledger {
  readonly matters: readonly Matter[]
  /** When messages were made: milliseconds since 1970. */
  readonly made: readonly number[]
  readonly waiting: readonly WaitingNotice[]
}

/** A message for one channel. */
export interface WaitingNotice {
  readonly channel: string
  readonly notice: Notice
  readonly madeAt: number
  readonly attempts: number
  readonly nextTryAt: number
}

/** Of a host that has told nothing. */
export const emptyLedger: Ledger = { matters: [], made: [], waiting: [] }

/** The most of each. */
export const ledgerBounds = { matters: 300, made: 100, waiting: 10, text: 400 } as const

const time = { type: 'number' } as const
const word = { type: 'string', maxLength: 100 } as const
const text = { type: 'string', maxLength: ledgerBounds.text } as const
const nameOrNull = { type: ['string', 'null'], maxLength: 200 } as const
const timeOrNull = { type: ['number', 'null'] } as const
const count = { type: 'integer', minimum: 0 } as const

const about = {
  kind: { enum: matterKinds },
  code: word,
  agent: nameOrNull,
  target: nameOrNull,
  certificate: nameOrNull,
  text,
}

const lines = { type: 'array', maxItems: 25, items: closed({ ...about, matter: word, since: word }) } as const

const noticeSchema = closed({
  v: { const: 1 },
  id: word,
  at: word,
  from: { type: 'string', maxLength: 300 },
  is_test: { type: 'boolean' },
  opened: lines,
  still: lines,
  over: lines,
  more: closed({ opened: count, still: count, over: count }),
})

/** JSON schema of it. */
export const ledgerSchema = closed({
  matters: {
    type: 'array',
    maxItems: ledgerBounds.matters,
    items: closed({
      ...about,
      id: word,
      subject: { type: 'string', maxLength: 200 },
      openedAt: time,
      seenAt: time,
      overAt: timeOrNull,
      toldAt: timeOrNull,
      toldAs: { enum: ['open', 'over', null] },
      tellings: count,
      countedFrom: time,
    }),
  },
  made: { type: 'array', maxItems: ledgerBounds.made, items: time },
  waiting: {
    type: 'array',
    maxItems: ledgerBounds.waiting,
    items: closed({ channel: word, notice: noticeSchema, madeAt: time, attempts: count, nextTryAt: time }),
  },
})
