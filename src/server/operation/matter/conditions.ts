import { type Condition, codeIn, type MatterKind } from '../../../notice/matter.ts'
import { mostOfKind } from '../../../notice/matter-life.ts'
import { nearEndAt } from '../../rollout/near-end.ts'
import type { FailedDeployment, FailingRenewal, NearEnd } from '../../store/matter-store.ts'
import type { Store } from '../../store/store.ts'
import { twinMs } from '../agent/twin-told.ts'
import { readDaneConditions } from './dane-conditions.ts'

/** What wants a person now. */
export interface Conditions {
  readonly conditions: readonly Condition[]
  /** Kinds of which there are more than were read. */
  readonly incomplete: ReadonlySet<MatterKind>
}

/** When agents are silent. */
export interface SilenceRule {
  /** After so many milliseconds. */
  readonly afterMs: number
  /** Since when servers run without a gap: in a gap nobody could be heard. */
  readonly upSince: number
}

/** Reads what wants a person: from the store alone, so that every server sees the same, and a restart changes nothing. */
export async function readConditions(store: Store, rule: SilenceRule): Promise<Conditions> {
  const at = await store.now()
  const { conditions: read } = store
  const limit = mostOfKind
  const deployments = (await read.failedDeployments(limit)).map(ofDeployment)
  const renewals = (await read.failingRenewals(limit)).map(ofRenewal)
  const silentBefore = at - rule.afterMs
  const silent = rule.upSince > silentBefore ? null : await read.silentSince(silentBefore, limit)
  const lists: readonly Seen[] = [
    { kinds: ['deployment', 'rollback-failed'], list: deployments, isFull: deployments.length === limit },
    ofList('certificate-end', await read.nearEnds(at, limit), (row) => ofEnd(row, at)),
    { kinds: ['issuer', 'renewal'], list: byIssuer(renewals), isFull: renewals.length === limit },
    silent === null
      ? { kinds: ['agent-silent'], list: [], isFull: true }
      : ofList('agent-silent', silent, ({ id, name, seenAt }) => {
          const text = `Nothing was heard of the agent ${name} since ${new Date(seenAt).toISOString()}: see whether its host is up, and what waxseal status says there.`
          return condition('agent-silent', 'SILENT', id, { agent: name, text })
        }),
    ofList('drift', await read.drifting(limit), ({ id, name, agentName, reasons }) =>
      condition('drift', 'DRIFT', id, {
        agent: agentName,
        target: name,
        text: `What is on the host is not what was deployed; if nobody meant that, deploy it again (waxseal control-plane deploy): ${reasons.join(' ')}`,
      }),
    ),
    ofList('rollout-stopped', await read.stoppedRollouts(limit), ({ name, reason }) =>
      condition('rollout-stopped', 'STOPPED', name, {
        text: `The roll-out ${name} has stopped itself: ${reason ?? 'no reason is kept'}. waxseal control-plane rollout show ${name}`,
      }),
    ),
    { kinds: ['dane'], ...(await readDaneConditions(store, at)) },
    ofList('twin', await read.twins(at - twinMs, limit), ({ id, name, twin }) =>
      condition('twin', 'TWIN', id, {
        agent: name,
        text: `Two hosts say to be the agent ${name}: ${twin}. Stop the one that is not to be it.`,
      }),
    ),
  ]
  return {
    conditions: lists.flatMap(({ list, isFull, kinds: [kind] }) =>
      isFull && list.length > 0 ? [...list, manyOf(kind)] : list,
    ),
    incomplete: new Set(lists.flatMap(({ kinds, isFull }) => (isFull ? kinds : []))),
  }
}

interface Seen {
  readonly kinds: readonly [MatterKind, ...MatterKind[]]
  readonly list: readonly Condition[]
  readonly isFull: boolean
}

function ofList<Row>(kind: MatterKind, rows: readonly Row[], of: (row: Row) => Condition | null): Seen {
  return { kinds: [kind], list: rows.map(of).filter((one) => one !== null), isFull: rows.length === mostOfKind }
}

function condition(
  kind: MatterKind,
  code: string,
  subject: string,
  {
    text,
    agent = null,
    target = null,
    certificate = null,
  }: { readonly text: string } & Partial<Pick<Condition, 'agent' | 'target' | 'certificate'>>,
): Condition {
  return { kind, code, subject, agent, target, certificate, text }
}

function manyOf(kind: MatterKind): Condition {
  const text = `There are ${mostOfKind} matters of the kind ${kind}, or more; those beyond are not told one by one. The fleet page has all.`
  return condition(kind, 'MANY', '*', { text })
}

function ofDeployment({ targetId, agentName, targetName, commonName, error, outcome }: FailedDeployment): Condition {
  const code = codeIn(error)
  const names = { agent: agentName, target: targetName, certificate: commonName }
  const became = outcome !== null && 'outcome' in outcome ? outcome.outcome : null
  if (code === 'ROLLBACK_FAILED' || became === 'rollback-failed') {
    const text = `The deployment of ${commonName} failed, and not everything could be put back: look at the host now. ${error}`
    return condition('rollback-failed', 'ROLLBACK_FAILED', targetId, { ...names, text })
  }
  const how = became === 'rolled-back' ? 'was rolled back: the host serves what it had before' : 'failed'
  return condition('deployment', code, targetId, { ...names, text: `The deployment of ${commonName} ${how}. ${error}` })
}

function ofEnd(row: NearEnd, at: number): Condition | null {
  const { certificateId, agentName, commonName, renewShare, notBefore, notAfter } = row
  if (at < nearEndAt(row, renewShare) && at < notAfter) return null
  const used = (at - notBefore) / Math.max(1, notAfter - notBefore)
  const code = at >= notAfter ? 'EXPIRED' : used >= 0.9 ? 'LAST_TENTH' : 'END_NEAR'
  const [end, percent] = [new Date(notAfter).toISOString(), Math.floor(used * 100)]
  const text =
    code === 'EXPIRED'
      ? `The certificate ${commonName} has expired: it ended at ${end}. waxseal control-plane renewals tells what is in the way.`
      : `The certificate ${commonName} ends at ${end}: ${percent} % of its life are gone, and it was to be renewed before. waxseal control-plane renewals tells what is in the way.`
  return condition('certificate-end', code, certificateId, { agent: agentName, certificate: commonName, text })
}

interface Failing extends FailingRenewal {
  readonly code: ReturnType<typeof codeIn>
}

function ofRenewal(row: FailingRenewal): Failing {
  return { ...row, code: codeIn(row.lastError) }
}

/** An issuer that is away is one matter, and not one for each certificate. */
function byIssuer(renewals: readonly Failing[]): readonly Condition[] {
  const ofIssuers = Object.groupBy(renewals, ({ code, issuers }) =>
    code === 'ISSUER_FAILED' ? JSON.stringify(issuers) : '',
  )
  return Object.entries(ofIssuers).flatMap(([key, list = []]) => {
    if (key === '') return list.map(ofOwnError)
    const [first] = list
    const names = first?.issuers.join(', ') || 'the usual issuers'
    const text = `Certificates that are not signed, by ${names}: ${list.length}, the first ${first?.commonName}. ${first?.lastError}`
    return [condition('issuer', 'ISSUER_FAILED', key, { text })]
  })
}

function ofOwnError({ certificateId, agentName, commonName, lastError, code }: Failing): Condition {
  const text = `The certificate ${commonName} cannot be renewed: ${lastError}`
  return condition('renewal', code, certificateId, { agent: agentName, certificate: commonName, text })
}
