import type { ShownHost } from '../documents/shown-host.ts'
import { type Condition, codeIn } from '../notice/matter.ts'
import { lifetimeOf, timeLeft } from '../outcome/lifetime.ts'
import type { CourierState } from './state.ts'

/** What wants a person on this host, by what the deployer shows and the courier meets. */
export function hostConditions(
  shown: ShownHost | null,
  { controlPlaneError, deployerError }: Pick<CourierState, 'controlPlaneError' | 'deployerError'>,
  now: number,
): readonly Condition[] {
  const away = [
    ...(controlPlaneError === null ? [] : [ofControlPlane(controlPlaneError)]),
    ...(deployerError === null ? [] : [ofDeployer(deployerError)]),
  ]
  if (shown === null) return away
  return [...failures(shown), ...ends(shown, now), ...drifts(shown), ...away]
}

function condition(fields: Pick<Condition, 'kind' | 'code' | 'subject' | 'text'> & Partial<Condition>): Condition {
  return { agent: null, target: null, certificate: null, ...fields }
}

function ofControlPlane(error: string): Condition {
  const text = `The control plane cannot be reached, or answers with errors: ${error}`
  return condition({ kind: 'control-plane', code: codeIn(error), subject: 'control-plane', text })
}

function ofDeployer(error: string): Condition {
  const text = `The deployer of this host cannot be reached, or answers with errors: no certificate is deployed until it does. ${error}`
  return condition({ kind: 'deployer', code: codeIn(error), subject: 'deployer', text })
}

function failures({ last }: ShownHost): readonly Condition[] {
  return last.flatMap(({ target, targetName, outcome, host, code, message }) => {
    if (code === null || outcome === 'deployed' || outcome === 'unchanged') return []
    const about = { subject: target, target: targetName ?? target }
    if (outcome === 'rollback-failed' || host === 'unknown') {
      const text = `The last deployment failed, and not everything could be put back: look at this host now. ${message}`
      return [condition({ kind: 'rollback-failed', code: 'ROLLBACK_FAILED', ...about, text })]
    }
    const became =
      outcome === 'rolled-back'
        ? 'was rolled back: the daemon serves what it had before'
        : 'failed, nothing was touched'
    return [condition({ kind: 'deployment', code, ...about, text: `The last deployment ${became}. ${message}` })]
  })
}

function ends({ records }: ShownHost, now: number): readonly Condition[] {
  return records.flatMap(({ target, targetName, certificate }) => {
    const { stage, used } = lifetimeOf(certificate, now)
    if (stage !== 'late' && stage !== 'expired') return []
    const [name = ''] = certificate.names
    const about = { subject: target, target: targetName ?? target, certificate: name }
    if (stage === 'expired') {
      const text = `The certificate ${name} has expired: it ended at ${certificate.notAfter}.`
      return [condition({ kind: 'certificate-end', code: 'EXPIRED', ...about, text })]
    }
    const left = timeLeft(certificate.notAfter, now)
    const text = `The certificate ${name} ends in ${left}: ${Math.floor(used * 100)} % of its life are gone, and nobody has renewed it.`
    return [condition({ kind: 'certificate-end', code: 'LAST_TENTH', ...about, text })]
  })
}

/** A look that is older than the deployment says nothing of it. */
function drifts({ looks, records }: ShownHost): readonly Condition[] {
  const recordOf = new Map(records.map((record) => [record.target, record]))
  return looks.flatMap(({ target, at, reasons }) => {
    const record = recordOf.get(target)
    if (record === undefined || at <= record.deployed || reasons.length === 0) return []
    const text = `What is on this host is not what was deployed: ${reasons.join(' ')}`
    return [condition({ kind: 'drift', code: 'DRIFT', subject: target, target: record.targetName ?? target, text })]
  })
}
