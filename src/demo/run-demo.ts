import { asWaxsealError, describeError, WaxsealError } from '../error/waxseal-error.ts'
import { systemClock } from '../host/clock.ts'
import type { Daemon } from './mail-host/daemon.ts'
import { openStage, type Stage } from './stage.ts'
import { targetFor, targetThatFails } from './target.ts'
import { finishedJobs, servedLeaf } from './watch.ts'

/** Runs the main job on this machine, with the agent of this program file, and tells it step by step. True: all of it happened. Leaves nothing behind. */
export async function runDemo(program: string, signal: AbortSignal): Promise<boolean> {
  const tale = new Tale(signal)
  const stage = await openStage(program)
  try {
    await play(stage, tale)
    tale.summary()
    return true
  } catch (error) {
    const why = signal.aborted ? 'it was interrupted.' : describeError(asWaxsealError(error))
    tale.say(`\nThe demo ended early: ${why}`)
    return false
  } finally {
    for (const failure of await stage.clear()) tale.say(`Clean-up: ${failure}`)
  }
}

async function play(stage: Stage, tale: Tale): Promise<void> {
  await tale.chapter('A control plane, and a mail host with a certificate that is about to be replaced', async () => {
    const { url, remark, daemons } = await stage.set()
    tale.say(`   control plane  ${url}`)
    if (remark !== null) tale.say(`   ${remark}`)
    for (const { name, ports } of daemons)
      tale.say(`   ${name.padEnd(14)} ${ports.map((port) => `${port.name} on ${port.port}`).join(', ')}`)
    tale.say(`   every port serves ${short(await servedLeaf(daemons))}, the old certificate`)
  })
  await tale.chapter('An agent enrolls with a one-time token', async () => {
    tale.say(`   ${await stage.enroll()} polls every second`)
  })
  const { operator, daemons, agentId } = stage
  const targets = await Promise.all(
    daemons.map((daemon) => operator.addTarget({ agent_id: agentId, ...targetFor(daemon) })),
  )
  const wanted = { agent_id: agentId, common_name: 'mail.example.net' }
  let certificateId = ''
  let leaf = ''
  await tale.chapter(
    'A certificate is requested: key, CSR, signature, deployment, verification on every port',
    async () => {
      certificateId = (await operator.requestCertificate({ ...wanted, deploy_to: targets })).certificate_id
      await tale.jobs(
        await finishedJobs(operator, { certificateId, targets }, tale.signal),
        'deployed',
        daemons,
        targets,
      )
      leaf = await servedLeaf(daemons)
      tale.say(`   every port serves ${short(leaf)}, the new certificate`)
    },
  )
  await tale.chapter('The same certificate again: nothing is touched', async () => {
    const ids = await Promise.all(targets.map((target) => operator.deploy(certificateId, target)))
    await tale.jobs(await finishedJobs(operator, { certificateId, ids }, tale.signal), 'unchanged', daemons, targets)
  })
  await tale.chapter(
    'A reload hook that fails silently: the new certificate is not served, so all is put back',
    async () => {
      const daemon = daemons.find(({ name }) => name === 'dovecot') ?? daemons[0]
      if (daemon === undefined) throw new WaxsealError('INTERNAL', { reason: 'the mail host has no daemon' })
      const target = await operator.addTarget({ agent_id: agentId, ...targetThatFails(daemon) })
      const next = await operator.requestCertificate({ ...wanted, deploy_to: [target] })
      const jobs = await finishedJobs(operator, { certificateId: next.certificate_id, targets: [target] }, tale.signal)
      await tale.jobs(jobs, 'rolled-back', [daemon], [target])
      if ((await servedLeaf(daemons)) !== leaf)
        throw new WaxsealError('INTERNAL', { reason: 'the old leaf is not served again' })
      tale.say(`   every port serves ${short(leaf)}, as before`)
    },
  )
}

/** The first digits of a digest: enough to tell two apart. */
function short(sha256: string): string {
  return `${sha256.slice(0, 16)}…`
}

type FinishedJob = Awaited<ReturnType<typeof finishedJobs>>[number]

/** Tells the demo to a person, chapter by chapter, and stops between two steps when it is interrupted. */
class Tale {
  readonly signal: AbortSignal
  readonly #started = systemClock.now()
  readonly #times: { readonly title: string; readonly ms: number }[] = []

  constructor(signal: AbortSignal) {
    this.signal = signal
  }

  say(line: string): void {
    process.stdout.write(`${line}\n`)
  }

  async chapter(title: string, tell: () => Promise<void>): Promise<void> {
    this.signal.throwIfAborted()
    this.say(`${this.#times.length === 0 ? '' : '\n'}${this.#times.length + 1}. ${title}`)
    const started = systemClock.now()
    await tell()
    this.#times.push({ title, ms: systemClock.now() - started })
    this.signal.throwIfAborted()
  }

  /** One line per job; INTERNAL when one did not end as it should. */
  async jobs(
    jobs: readonly FinishedJob[],
    expected: string,
    daemons: readonly Daemon[],
    targets: readonly string[],
  ): Promise<void> {
    for (const { id, status, outcome, error, target_id } of jobs) {
      const daemon = daemons[targets.indexOf(target_id ?? '')]?.name ?? ''
      this.say(
        `   ${daemon.padEnd(14)} ${status}, ${outcome?.outcome ?? 'no outcome'}. ${outcome?.message ?? error ?? ''}`,
      )
      if (outcome?.outcome !== expected)
        throw new WaxsealError('INTERNAL', { job: id, expected, outcome: outcome?.outcome ?? 'none' })
    }
  }

  summary(): void {
    this.say('\nAll of it happened:')
    for (const { title, ms } of this.#times) this.say(`   ${(ms / 1000).toFixed(1).padStart(5)} s  ${title}`)
    this.say(`   ${((systemClock.now() - this.#started) / 1000).toFixed(1).padStart(5)} s  in all`)
  }
}
