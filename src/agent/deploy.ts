import { createHash } from 'node:crypto'
import { commitFiles, dropKeptFiles } from '../apply/commit.ts'
import { failureOf, runInOrder } from '../apply/run-step.ts'
import { stageFiles } from '../apply/stage.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import type { JournalEntry } from '../journal/journal.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { printPlan } from '../plan/printed-plan.ts'
import { verifyProbes } from '../verify/verify-probes.ts'
import type { Engine } from './engine.ts'
import { oldLeavesOf } from './old-leaves.ts'
import { OutcomeDraft } from './outcome-draft.ts'
import { type DeployRequest, isAllInPlace, type Proposal, propose } from './propose.ts'
import { recoverEntry } from './recover.ts'
import { rollBack } from './roll-back.ts'
import type { OnStep } from './step-recorder.ts'

/** One deployment, in the order of the design: every failure is an outcome, none is thrown. */
export async function deploy(request: DeployRequest, engine: Engine, onStep: OnStep = () => {}): Promise<Outcome> {
  const draft = new OutcomeDraft(engine.clock, onStep)
  try {
    await finishEarlier(request.target, engine)
    const proposal = await propose(request, engine, draft)
    draft.changing(proposal.changes)
    const inPlace = isAllInPlace(proposal)
    if (await draft.run('unchanged', async () => inPlace && (await isRecorded(request.target, proposal, engine)))) {
      return draft.succeed('unchanged', 'The same files are there, activated and verified by an earlier deployment.')
    }
    return await replace(request.target, proposal, engine, draft)
  } catch (error) {
    return draft.refuse(asWaxsealError(error))
  }
}

/** A deployment of this target that was cut off is settled first: its kept files must not be orphaned. */
async function finishEarlier(target: string, engine: Engine): Promise<void> {
  const left = await engine.journal.get(target)
  if (left !== null) await recoverEntry(target, left, engine)
}

async function isRecorded(target: string, proposal: Proposal, engine: Engine): Promise<boolean> {
  const record = await engine.records.get(target)
  return record?.certificate.sha256 === proposal.material.leaf.sha256 && record.planDigest === planDigest(proposal)
}

function planDigest({ plan }: Proposal): string {
  return createHash('sha256')
    .update(JSON.stringify(printPlan(plan)))
    .digest('hex')
}

/** Steps 5 to 12. Throws only while nothing was touched. */
async function replace(target: string, proposal: Proposal, engine: Engine, draft: OutcomeDraft): Promise<Outcome> {
  const { plan, material } = proposal
  const changes = isAllInPlace(proposal) ? [] : proposal.changes
  const { brokenBefore, oldLeaves } = await draft.run('preflight', async (commands) => {
    if (plan.check !== null) commands.push(...(await runInOrder([plan.check], engine.timeouts.checkMs)))
    return {
      brokenBefore: failureOf(commands, 'CHECK_FAILED') !== null,
      oldLeaves: await oldLeavesOf(plan, proposal.changes),
    }
  })
  const entry: JournalEntry = {
    connector: plan.connector,
    service: plan.service,
    target,
    begun: new Date(engine.clock.now()).toISOString(),
    phase: 'deploying',
    files: changes.map(({ contents: _, previous: __, ...change }) => change),
    check: plan.check,
    activate: plan.activate,
    recover: plan.recover,
    probes: plan.probes,
    retry: plan.retry,
    oldLeaves,
    newLeaf: material.leaf.sha256,
  }
  await draft.run('journal', () => engine.journal.put(target, entry))
  try {
    await draft.run('stage', () => stageFiles(changes))
  } catch (error) {
    await engine.journal.remove(target)
    throw error
  }
  try {
    await draft.run('commit', () => commitFiles(changes))
    await check(plan.check, brokenBefore, engine, draft)
    await activate(entry, engine, draft)
    await verify(entry, engine, draft)
  } catch (error) {
    return await rollBack(entry, asWaxsealError(error), engine, draft)
  }
  return await settle(entry, proposal, engine, draft)
}

async function check(
  command: Proposal['plan']['check'],
  brokenBefore: boolean,
  engine: Engine,
  draft: OutcomeDraft,
): Promise<void> {
  if (command === null) return
  await draft.run('check', async (commands) => {
    commands.push(...(await runInOrder([command], engine.timeouts.checkMs)))
    const failure = failureOf(commands, 'CHECK_FAILED')
    if (failure === null) return
    throw brokenBefore ? new WaxsealError('PREFLIGHT_FAILED', failure.details) : failure
  })
}

async function activate(entry: JournalEntry, engine: Engine, draft: OutcomeDraft): Promise<void> {
  await draft.run('activate', async (commands) => {
    commands.push(...(await runInOrder(entry.activate, engine.timeouts.activateMs)))
    const failure = failureOf(commands, 'ACTIVATE_FAILED')
    if (failure !== null) throw failure
  })
}

async function verify(entry: JournalEntry, engine: Engine, draft: OutcomeDraft): Promise<void> {
  await draft.run('verify', async () => {
    draft.probes = await verifyProbes({
      expectations: entry.probes.map((probe) => ({ probe, leaves: [entry.newLeaf] })),
      retry: entry.retry,
      clock: engine.clock,
    })
    const failed = draft.probes.filter((probe) => !probe.ok)
    if (failed.length > 0) {
      throw new WaxsealError('VERIFY_FAILED', {
        expected: entry.newLeaf,
        probes: failed.map((probe) => `${probe.protocol} ${probe.address}: ${probe.error ?? `serves ${probe.seen}`}`),
      })
    }
  })
}

/** The pair is live and proven: a failure from here on is told in the message, and healed by the next start. */
async function settle(entry: JournalEntry, proposal: Proposal, engine: Engine, draft: OutcomeDraft): Promise<Outcome> {
  let message =
    proposal.plan.unverified ?? `Deployed, and seen on ${entry.probes.length} of ${entry.probes.length} probes.`
  try {
    await draft.run('settle', async () => {
      await engine.records.put(entry.target, {
        target: entry.target,
        connector: entry.connector,
        service: entry.service,
        deployed: new Date(engine.clock.now()).toISOString(),
        certificate: draft.certificate ?? failWithout('certificate'),
        planDigest: planDigest(proposal),
        files: proposal.changes.map(({ path, role, after }) => ({ path, role, ...after })),
        probes: draft.probes,
      })
      await engine.journal.put(entry.target, { ...entry, phase: 'settling' })
      await dropKeptFiles(entry.files)
      await engine.journal.remove(entry.target)
    })
  } catch (error) {
    message += ` The clean-up was put off: ${asWaxsealError(error).message}`
  }
  return draft.succeed('deployed', message)
}

function failWithout(what: string): never {
  throw new WaxsealError('INTERNAL', { reason: `a deployment was settled without its ${what}` })
}
