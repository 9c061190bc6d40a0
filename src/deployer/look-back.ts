import { askAboutTlsa } from '../policy/advise-on-dane.ts'
import { olderRequest, type WantedPair } from './deploy-again.ts'
import type { Engine } from './engine.ts'
import { propose } from './propose/propose.ts'
import { OutcomeDraft } from './transaction/outcome-draft.ts'

/** How the DNS stands to an older pair of a target, as this host sees it. */
export interface RollbackLook {
  /** The pair that is meant, for later questions: by then another one may be live. */
  readonly pair: { readonly generation: number; readonly leaf: string }
  /** There are TLSA records, or it cannot be told. */
  readonly hasDane: boolean
  /** The records to publish at names that have some, and none that matches. */
  readonly publish: readonly string[]
  /** Every name was answered for, and where there are records one matches. */
  readonly isSeen: boolean
}

/** Looks whether the pair could be served without a word to anybody. Changes nothing; fails as its deployment would. */
export async function lookBack(target: string, wanted: WantedPair, engine: Engine): Promise<RollbackLook> {
  const { pair, request } = await olderRequest(target, wanted, engine)
  // The records are asked for below, and refuse nothing yet.
  const blind = { ...engine, policy: { ...engine.policy, dane: 'off' as const } }
  const { plan, material } = await propose(request, blind, new OutcomeDraft(engine.clock, () => {}))
  const live = (await engine.records.get(target))?.certificate.names ?? []
  const { hasRecords, mismatches, unanswered } = await askAboutTlsa(plan, material, live, engine.policy.resolvers)
  return {
    pair,
    hasDane: hasRecords || unanswered.length > 0,
    publish: mismatches.map(({ publish }) => publish),
    isSeen: mismatches.length === 0 && unanswered.length === 0,
  }
}
