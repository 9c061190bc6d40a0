import { schemaCheck } from '../schema/schema-check.ts'
import type { LookReport } from './look-report.ts'
import { type Send, unusable } from './request.ts'

/** What this host is asked to look at from outside. */
export interface AskedLook {
  readonly id: string
  /** Lower case, without a dot at its end. */
  readonly domain: string
}

/** The calls of an agent that looks from outside for others (protocol §4). */
export interface LookCalls {
  /** None where the server does not know them. */
  askedLooks(): Promise<readonly AskedLook[]>
  /** What was seen, or why nothing was looked at. */
  reportLook(id: string, report: LookReport | null, refusal: string | null): Promise<void>
}

/** A name with two labels or more, and no address. */
export const lookDomainPattern =
  '^(?=.{3,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$'

const isAnswer = schemaCheck<{ readonly looks: readonly AskedLook[] }>({
  type: 'object',
  required: ['looks'],
  properties: {
    looks: {
      type: 'array',
      maxItems: 10,
      items: {
        type: 'object',
        required: ['id', 'domain'],
        properties: {
          id: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,100}$' },
          domain: { type: 'string', pattern: lookDomainPattern },
        },
      },
    },
  },
})

/** `agent` is the path of the agent's own calls; `isKnown`: whether the server has said that it knows looks. */
export function lookCalls(send: Send, agent: string, isKnown: () => boolean): LookCalls {
  return {
    askedLooks: async () => {
      if (!isKnown()) return []
      const answer = await send({ method: 'GET', path: `${agent}/looks` })
      if (!isAnswer(answer)) throw unusable('the answer has no list of looks')
      return answer.looks
    },
    reportLook: async (id, report, refusal) => {
      const body = { report, refusal }
      await send({ method: 'POST', path: `${agent}/looks/${encodeURIComponent(id)}`, body })
    },
  }
}
