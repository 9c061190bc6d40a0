import { pause, systemClock } from '../host/clock.ts'
import type { ControlPlaneLog } from './http/log-requests.ts'
import { releaseAgents } from './operation/agent/release-agents.ts'
import { forgetTokens } from './operation/agent/tokens.ts'
import { chainAudit } from './operation/audit-trail.ts'
import { tellIssuers } from './operation/certificate/tell-issuers.ts'
import { forgetSigned, tidyAcme } from './operation/certificate/tidy-acme.ts'
import { RolloverTurns } from './operation/dane/rollover-turns.ts'
import { OldJobs } from './operation/job/forget-jobs.ts'
import { expireJobs } from './operation/job/reap.ts'
import { ringDue } from './operation/job/wait-for-work.ts'
import { keepTime } from './operation/keep-time.ts'
import { expireLooks } from './operation/look.ts'
import type { Parts } from './operation/parts.ts'
import { askIssuers } from './operation/renewal/ask-issuers.ts'
import { OldVersions } from './operation/renewal/forget-versions.ts'
import { renewDue } from './operation/renewal/scheduler.ts'
import { advanceRollouts } from './operation/rollout/advance-rollouts.ts'
import { forgetSessions } from './operation/sessions.ts'
import { keepWindows } from './operation/window/keep-windows.ts'

const flushEveryMs = 1000
const sweepEveryMs = 15_000
/** What waits for an answer of a CA goes on soon after it. */
const signEveryMs = 2000
/** An operator waits for it. */
const rolloutsEveryMs = 5000
/** A database that is away fills no log. */
const afterFailureMs = 10_000
const tendEveryMs = 10 * 60_000

/** What a server does by itself, until `stop` resolves. Several servers may do it at the same time. */
export interface Background {
  stop(): Promise<void>
}

/** Writes presence once a second; looks for what is over or due four times a minute, and at the start. `tendOwn`: of the own pair and CA. */
export function startBackground(parts: Parts, log: ControlPlaneLog, tendOwn: () => Promise<void>): Background {
  const { store, presence, signer, bell, pace } = parts
  const oldJobs = new OldJobs(store)
  const rollovers = new RolloverTurns(parts)
  const oldVersions = new OldVersions(store, parts.keptVersions)
  const loops = [
    every(flushEveryMs, log, () => presence.flush()),
    every(sweepEveryMs, log, async () => {
      if (await keepTime(parts)) log.info({}, 'the clock was set back: what was planned is looked at now')
      await presence.reap()
      await expireJobs(store)
    }),
    // What became due, and of what nobody was told.
    every(sweepEveryMs, log, () => ringDue(parts)),
    every(signEveryMs, log, () => signer.signDue()),
    every(sweepEveryMs, log, () => tidyAcme(parts, (line, text) => log.error(line, text))),
    every(signEveryMs, log, () => tellIssuers(parts)),
    every(sweepEveryMs, log, () => chainAudit(store)),
    every(sweepEveryMs, log, () => pace.count(store)),
    every(tendEveryMs, log, tendOwn),
    every(tendEveryMs, log, () => forgetTokens(store)),
    every(tendEveryMs, log, () => forgetSigned(store)),
    every(tendEveryMs, log, () => expireLooks(store)),
    every(sweepEveryMs, log, () => oldJobs.forget()),
    every(tendEveryMs, log, () => forgetSessions(store)),
    every(tendEveryMs, log, async () => {
      await oldVersions.forget()
    }),
    every(sweepEveryMs, log, async () => {
      for (const agent of await releaseAgents(store)) log.info({ agent }, 'its host was asked after the restore')
      await renewDue(store)
    }),
    every(sweepEveryMs, log, () => keepWindows(store)),
    every(sweepEveryMs, log, async () => {
      await askIssuers(parts)
    }),
    every(rolloutsEveryMs, log, () => advanceRollouts(store)),
    every(rolloutsEveryMs, log, () => rollovers.begin()),
  ]
  const endListening = store.listen((agentId) => bell.ring(agentId))
  return {
    stop: async () => {
      await endListening()
      await Promise.all(loops.map((loop) => loop.stop()))
      await rollovers.end().catch((error: Error) => tellFailure(log, error))
    },
  }
}

/** Runs the work, waits, and so on. */
export function every(ms: number, log: ControlPlaneLog, work: () => Promise<void>): Background {
  const ending = new AbortController()
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const isDone = await work().then(
        () => true,
        (error: Error) => {
          tellFailure(log, error)
          return false
        },
      )
      await pause(systemClock, isDone ? ms : Math.max(ms, afterFailureMs), ending.signal)
    }
  }
  const running = run()
  return {
    stop: async () => {
      ending.abort()
      await running
    },
  }
}

function tellFailure(log: ControlPlaneLog, error: Error): void {
  log.error({ reason: error.stack ?? error.message }, 'background work failed, and is tried again')
}
