import { createHash } from 'node:crypto'
import type { DeploymentRecord, RecordedFile } from '../../journal/deployment-record.ts'
import type { JournalledDeployment } from '../../journal/journal.ts'
import type { ProbeOutcome } from '../../outcome/outcome.ts'
import type { Probe } from '../../plan/plan.ts'
import { printPlan } from '../../plan/printed-plan.ts'
import type { Engine } from '../engine.ts'
import type { DeployRequest } from '../propose/deploy-request.ts'
import type { Proposal } from '../propose/propose.ts'
import { certificateFacts } from './certificate-facts.ts'
import { isProven } from './judge.ts'

/** The record that this very deployment has been activated and verified before; null: there is none. */
export async function recordOf(target: string, proposal: Proposal, engine: Engine): Promise<DeploymentRecord | null> {
  const record = await engine.records.get(target)
  const isSame = record?.certificate.sha256 === proposal.material.leaf.sha256
  return record !== null && isSame && record.planDigest === planDigest(proposal) ? record : null
}

/**
 * A record of this target's own where another target's deployment, the last to these files, did all that this one would do:
 * the same bytes for the same certificate, and this service activated and seen on every port that this one asks for. Null:
 * none did.
 */
export async function adoptRecord(
  request: DeployRequest,
  proposal: Proposal,
  engine: Engine,
): Promise<DeploymentRecord | null> {
  const { certificate, files, ...mine } = recordFor(proposal, request)
  const { plan, changes } = proposal
  const sharing = (await engine.records.list())
    .map(({ document }) => document)
    .filter((record) => record.files.some(({ path }) => files.some((file) => file.path === path)))
    .toSorted((one, other) => other.deployed.localeCompare(one.deployed))
  const [last] = sharing
  if (last === undefined || changes.link !== null) return null
  const services = [last.service, ...(last.beside ?? [])]
  const isDone =
    last.certificate.sha256 === certificate.sha256 &&
    services.includes(plan.service) &&
    files.every((file) => last.files.some((other) => isSameFile(file, other))) &&
    plan.probes.every((probe) => last.looks.some((look) => isSameLook(probe, look)))
  if (!isDone) return null
  const seen = last.looks.map((look, index) => ({ look, probe: last.probes[index] }))
  const own = seen.filter(({ look }) => plan.probes.some((probe) => isSameLook(probe, look)))
  const probes = own.flatMap(({ probe }) => (probe === undefined ? [] : [probe]))
  const record = {
    ...mine,
    target: request.target,
    connector: plan.connector,
    service: plan.service,
    beside: services.filter((service) => service !== plan.service),
    deployed: last.deployed,
    certificate,
    files,
    looks: own.map(({ look }) => look),
    probes,
    proven: isProven(probes),
  }
  await engine.records.put(request.target, record)
  return record
}

function isSameFile(one: RecordedFile, other: RecordedFile): boolean {
  const { path, digest, mode, uid, gid } = one
  return other.path === path && other.digest === digest && other.mode === mode && other.uid === uid && other.gid === gid
}

function isSameLook(one: Probe, other: Probe): boolean {
  const { host, port, protocol, servername, keyType } = one
  const isAsked = other.servername === servername && other.keyType === keyType
  return isAsked && other.host === host && other.port === port && other.protocol === protocol
}

/** SHA-256 of the printed plan: another plan is another deployment. */
function planDigest({ plan }: Proposal): string {
  return createHash('sha256')
    .update(JSON.stringify(printPlan(plan)))
    .digest('hex')
}

/** What the record of a deployment will say beside what was seen. */
export function recordFor(
  proposal: Proposal,
  { targetName }: Pick<DeployRequest, 'targetName'>,
  beside: readonly string[] = [],
): JournalledDeployment['record'] {
  const { material, plan, changes } = proposal
  return {
    certificate: certificateFacts(material.leaf),
    planDigest: planDigest(proposal),
    files: changes.files.map(({ path, destination, role, after }) => ({
      path: changes.link === null ? destination : path,
      role,
      ...after,
    })),
    check: plan.check,
    service: plan.service,
    ...(beside.length === 0 ? {} : { beside }),
    ...(targetName === undefined ? {} : { targetName }),
  }
}

/** Writes the record of a deployment that is activated and verified. */
export async function recordDeployment(
  service: string,
  { target, connector, record, probes: looks }: JournalledDeployment,
  probes: readonly ProbeOutcome[],
  engine: Engine,
): Promise<void> {
  const deployed = new Date(engine.clock.now()).toISOString()
  const proven = isProven(probes)
  await engine.records.put(target, { target, connector, service, deployed, ...record, probes, looks, proven })
}
