import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import type { JournalEntry } from '../journal/journal.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { hasCommitBegun } from '../rollback/restore-files.ts'
import type { Engine } from './engine.ts'
import { OutcomeDraft } from './outcome-draft.ts'
import { type DeployRequest, isAllInPlace, type Proposal, propose } from './propose.ts'
import { isRecorded } from './recorded.ts'
import { recoverEntry } from './recover.ts'
import { replace } from './replace.ts'
import type { OnStep } from './step-recorder.ts'

/** One deployment, in the order of the design: every failure is an outcome; only STATE_BUSY is thrown. */
export async function deploy(request: DeployRequest, engine: Engine, onStep: OnStep = () => {}): Promise<Outcome> {
  const draft = new OutcomeDraft(engine.clock, onStep)
  const started = engine.clock.now()
  const outcome = await engine.turns
    .take(() => deployInTurn(request, engine, draft))
    .catch((error: unknown) => refuseUnlessBusy(asWaxsealError(error), draft))
  await note(request, outcome, started, engine)
  return outcome
}

/** That another process had its turn says nothing about this deployment: it is thrown, to be tried again. */
function refuseUnlessBusy(error: WaxsealError, draft: OutcomeDraft): Outcome {
  if (error.code === 'STATE_BUSY') throw error
  return draft.refuse(error)
}

async function deployInTurn(request: DeployRequest, engine: Engine, draft: OutcomeDraft): Promise<Outcome> {
  await finishEarlier((entry) => entry.target === request.target, engine)
  let proposal = await propose(request, engine, draft)
  const paths = pathsOf(proposal.changes)
  if (await finishEarlier((entry) => pathsOf(entry).some((path) => paths.includes(path)), engine))
    proposal = await propose(request, engine, draft)
  draft.changing(proposal.changes.files)
  const isLive = isAllInPlace(proposal)
  if (await draft.run('unchanged', async () => isLive && (await isRecorded(request.target, proposal, engine)))) {
    return draft.succeed('unchanged', 'The same files are there, activated and verified by an earlier deployment.')
  }
  return replace({ request, proposal, isLive }, engine, draft)
}

/** What was cut off is settled first: its kept files must not be orphaned. Returns whether there was any. */
async function finishEarlier(concerns: (entry: JournalEntry) => boolean, engine: Engine): Promise<boolean> {
  const left = (await engine.journal.list()).filter(({ document }) => concerns(document))
  for (const { id, document } of left) {
    const { error } = await recoverEntry(id, document, engine)
    if (error !== null && (await hasCommitBegun(document)))
      throw new WaxsealError('ROLLBACK_FAILED', { ...error.details, target: document.target }, { cause: error })
  }
  return left.length > 0
}

function pathsOf({ files, link }: Pick<Proposal['changes'], 'link'> & Pick<JournalEntry, 'files'>): readonly string[] {
  return link === null ? files.map(({ destination }) => destination) : [link.link]
}

/** The history is for people: that it cannot be written fails no deployment. */
async function note(request: DeployRequest, outcome: Outcome, started: number, engine: Engine): Promise<void> {
  const line = {
    time: new Date(started).toISOString(),
    target: request.target,
    connector: request.connector,
    outcome: outcome.outcome,
    host: outcome.host,
    code: outcome.code,
    message: outcome.message,
    sha256: outcome.certificate?.sha256 ?? null,
    ms: engine.clock.now() - started,
  }
  await engine.history.append(line).catch(() => {})
}
