import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { longestDocument } from '../../documents/ask.ts'
import { readShownHost } from '../../documents/read-shown-host.ts'
import { type Look, type ShownHost, viewFolder } from '../../documents/shown-host.ts'
import { asWaxsealError, describeError } from '../../error/waxseal-error.ts'
import { aborted, type Clock, pause } from '../../host/clock.ts'
import { removeHalfWritten } from '../../host/file/write/half-written.ts'
import { openReserve } from '../../host/file/write/reserve.ts'
import { type LineServer, serveLines } from '../../host/socket/line-socket.ts'
import { openInbox } from '../../inbox/inbox.ts'
import { openKeyStore } from '../../material/key-store.ts'
import { openAnswerBox } from '../../outbox/answer-box.ts'
import { takeRollbacks } from '../begun-rollbacks.ts'
import { openChallengeAnswers } from '../challenge/challenge-answers.ts'
import { Discoverer } from '../discover/discoverer.ts'
import { openToldPlaces } from '../discover/told-places.ts'
import { withNames } from '../find-target.ts'
import { openKeyrings } from '../key/keyrings.ts'
import type { ConfiguredEngine } from '../open-engine.ts'
import { openObtained } from '../own/obtained.ts'
import { OwnRenewals } from '../own/own-renewals.ts'
import { recover } from '../recover.ts'
import { makeView, type ShownOfDeployer, showHost } from '../view.ts'
import { JobStore, openArrivedCertificates } from '../work/job-store.ts'
import { openKeyRequests } from '../work/key-requests.ts'
import { Requests } from '../work/requests.ts'
import { Worker, type WorkerParts } from '../work/worker.ts'
import { answerLine } from './answer-line.ts'
import { Changes } from './changes.ts'
import { courierMemoryFolder, openCourierMemory } from './courier-memory.ts'
import { Deployer } from './deployer.ts'
import { Show } from './show.ts'

/** What a deployer is started with. */
export interface RunParts extends Pick<WorkerParts, 'onBatch' | 'onProgress' | 'log' | 'stop'> {
  readonly config: Config
  readonly engine: ConfiguredEngine
  /** The folders that are searched for certificates, as the configuration has them now. */
  readonly searchedFolders: () => Promise<readonly string[]>
  readonly clock: Clock
  readonly listen: { readonly path: string } | { readonly fd: number }
  /** It ends after this time without work and without a connection, in milliseconds; null: it stays. */
  readonly idleMs: number | null
  /** Aborts when the courier has heard all that it waited for since `stop`. */
  readonly leave: AbortSignal
  /** It can be asked from now on, and answers once it has recovered. */
  readonly onReady: () => Promise<void>
}

const bounds = { maxBytes: longestDocument, lineMs: 30_000, mostOpen: 16 }
const lookMs = 100

/**
 * Recovers, works on what is due, and answers the courier, until it is told to stop or is idle. What has begun ends first. The caller
 * holds the state directory.
 */
export async function runDeployer(parts: RunParts): Promise<void> {
  const { config, engine, log, stop, listen } = parts
  await makeView(config.stateDir).catch((error: unknown) => {
    // That it cannot be shown stops no work, and is told when it is written. A socket in it would be anybody's.
    if ('path' in listen && dirname(listen.path) === viewFolder(config.stateDir)) throw error
  })
  const opened = Promise.withResolvers<Deployer>()
  opened.promise.catch(() => {})
  const server = await serveLines(listen, bounds, async (line, gone) =>
    answerLine(line, await opened.promise, gone, log),
  )
  await parts.onReady()
  parts.onProgress('work')
  const recovered = await recoverFirst(engine, log)
  parts.onProgress('rest')
  const { deployer, worker, show, closing } = await openDeployer(parts, recovered)
  show.changed()
  worker.ask()
  opened.resolve(deployer)
  await untilDone(worker, server, parts)
  await worker.ended()
  closing.abort()
  await server.close()
  await show.end()
  log.info({ signal: stop.aborted ? 'stop' : 'idle' }, 'deployer ends')
}

/** What answers the courier, what does the jobs, and what shows both to people. `closing`: no further connection is served. */
async function openDeployer(
  parts: RunParts,
  recovered: ShownOfDeployer['recovered'],
): Promise<{
  readonly deployer: Deployer
  readonly worker: Worker
  readonly show: Show
  readonly closing: AbortController
}> {
  const { config, engine, clock, log } = parts
  const changes = new Changes()
  const onChange = (): void => changes.note()
  let looks: readonly Look[] = (await readShownHost(config.stateDir))?.looks ?? []
  const state = await openState(config, clock, onChange)
  const { store, answers, inbox } = state
  const challenges = await openChallengeAnswers({
    path: join(config.stateDir, 'challenges'),
    stateDir: config.stateDir,
    policy: () => engine.policy,
    clock,
  })
  const isOpen = (jobId: string): boolean => store.pending().some(({ job }) => job.id === jobId)
  const partsOfRequests = () => ({
    ...state,
    records: engine.records,
    archive: engine.archive,
    isOpen,
    arrived: async () => (await state.certificates.list()).map(({ document }) => document.pem),
    names: engine.policy.names,
    newKeys: engine.policy.newKeys,
    orders: engine,
  })
  const requests = new Requests(store, partsOfRequests, onChange)
  // What a command of root's has left to tell is told like all else.
  const takeLeft = (): Promise<void> =>
    takeRollbacks(config.stateDir, engine, (report) => answers.put(report)).catch((error: unknown) =>
      log.warn(
        { reason: describeError(asWaxsealError(error)) },
        'what became of a rollback by hand is not told yet: it is tried again before the next work',
      ),
    )
  const onBatch = async (): Promise<void> => {
    await parts.onBatch()
    await takeLeft()
  }
  await takeLeft()
  const obtained = await openObtained(join(config.stateDir, 'own-certificates'))
  const worker = new Worker({ ...parts, ...state, onBatch, challenges, obtained, requests, onChange })
  const facts = async (): Promise<ShownOfDeployer & Pick<ShownHost, 'setAside'>> => ({
    looks,
    recovered,
    inbox: store.pending().length,
    outbox: answers.depth(),
    deadLetters: (await answers.deadLetters()).map(({ report, refusal }) => ({ job: report.jobId, refusal })),
    held: answers.held(),
    currentJobs: worker.currentJobs,
    waiting: worker.waiting,
    setAside: inbox.setAside,
  })
  const show = new Show(async () => showHost(config.stateDir, engine, await facts()), log)
  changes.onNote = () => show.changed()
  const closing = new AbortController()
  const onLooks = (found: readonly Look[]): void => {
    looks = found
    changes.note()
  }
  const deployer = new Deployer({
    engine,
    store,
    answers,
    requests,
    worker,
    changes,
    onLooks,
    memory: state.memory,
    discoverer: new Discoverer({
      folders: parts.searchedFolders,
      stateDir: config.stateDir,
      told: openToldPlaces(join(config.stateDir, 'discovered')),
      clock,
      closing: closing.signal,
    }),
    own: await OwnRenewals.open({
      engine,
      store,
      challenges,
      obtained,
      stateDir: config.stateDir,
      onBatch: parts.onBatch,
      onTaken: () => worker.ask(),
    }),
    closing: closing.signal,
  })
  return { deployer, worker, show, closing }
}

async function recoverFirst(engine: ConfiguredEngine, log: Logger): Promise<ShownOfDeployer['recovered']> {
  const recovered = await withNames(await recover(engine), engine)
  for (const { target, name, did, error, notAllowed } of recovered)
    log.warn({ target, name, did, code: error?.code, notAllowed }, 'recovered')
  return recovered.map(({ target, label, did, error }) => ({ target, name: label, did, code: error?.code ?? null }))
}

async function openState(config: Config, clock: Clock, onChange: () => void) {
  const below = (name: string): string => join(config.stateDir, name)
  const inbox = await openInbox(below('inbox'), clock)
  const answers = await openAnswerBox({ path: below('outbox'), deadPath: below('dead'), clock })
  const certificates = await openArrivedCertificates(below('certificates'))
  const keyFolder = config.keyDir ?? below('keys')
  const keys = await openKeyStore(keyFolder, config.foreignKeyDir)
  // What this half alone writes, and a kill left half written: a key among it would stay for ever.
  for (const folder of [config.stateDir, keyFolder]) await removeHalfWritten(folder)
  const reserve = openReserve(below('reserve'))
  const store = await JobStore.open({ inbox, answers, certificates, reserve }, onChange)
  const keyRequests = await openKeyRequests(below('requests'))
  const keyrings = await openKeyrings(below('keyrings'))
  const memory = await openCourierMemory(courierMemoryFolder(config.stateDir))
  return { inbox, answers, certificates, reserve, store, keys, keyRequests, keyrings, memory }
}

/** Once it is told to stop, who asks has this long between two asks, in milliseconds. */
const lastIdleMs = 1000

/** Until nobody has wanted anything for a while; soon after it was told to stop, and at once when told that all was heard. */
async function untilDone(
  worker: Worker,
  server: LineServer,
  { clock, stop, leave, idleMs }: Pick<RunParts, 'clock' | 'stop' | 'leave' | 'idleMs'>,
): Promise<void> {
  if (idleMs === null) await aborted(stop)
  for (let idle = 0; ; ) {
    const longest = stop.aborted ? lastIdleMs : (idleMs ?? Number.POSITIVE_INFINITY)
    if (leave.aborted) await worker.ended()
    if (idle >= longest || leave.aborted) return
    await pause(clock, lookMs, stop.aborted ? leave : stop)
    idle = worker.isUnderWay || server.open() > 0 ? 0 : idle + lookMs
  }
}
