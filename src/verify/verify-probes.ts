import pRetry from 'p-retry'
import type { Clock } from '../host/clock.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import type { Probe, RetrySchedule } from '../plan/plan.ts'
import { type Look, probeOnce } from './probe-once.ts'

/** A probe, and the leaves (SHA-256) that it may see. */
export interface Expectation {
  readonly probe: Probe
  readonly leaves: readonly string[]
}

export interface VerifyOptions {
  readonly expectations: readonly Expectation[]
  readonly retry: RetrySchedule
  readonly clock: Clock
  /** One look; `probeOnce` unless a test says otherwise. */
  readonly look?: (probe: Probe) => Promise<Look>
  /** Ends it between two tries. */
  readonly signal?: AbortSignal
}

/** A daemon that is changing over shows the old leaf after the new one: nginx for up to 100 ms. */
const agreeingLooks = 3
const agreeingWaitMs = 60

/** No verification takes longer, whatever its schedule says. */
const longestMs = 10 * 60_000

/**
 * Looks with every probe at the same time, each until several looks in a row see what they should, or its schedule is used
 * up. Never throws.
 */
export async function verifyProbes(options: VerifyOptions): Promise<readonly ProbeOutcome[]> {
  return Promise.all(options.expectations.map((expectation) => verifyOne(expectation, options)))
}

/** The waits are the clock's, so p-retry's own are off. */
async function verifyOne({ probe, leaves }: Expectation, options: VerifyOptions): Promise<ProbeOutcome> {
  const { retry, clock, look = probeOnce, signal } = options
  const started = clock.now()
  let last: Look | null = null
  let attempts = 0
  const attempt = async (): Promise<void> => {
    if (attempts > 0) await clock.sleep(waitBefore(attempts, retry), signal)
    attempts += 1
    for (let agreed = 0; agreed < agreeingLooks; agreed += 1) {
      if (agreed > 0) await clock.sleep(agreeingWaitMs, signal)
      last = await look(probe)
      if (!isExpected(last, leaves)) throw new Error('another leaf')
    }
  }
  const shouldRetry = (): boolean => signal?.aborted !== true && clock.now() - started < longestMs
  const isSeen = await pRetry(attempt, {
    retries: retry.attempts - 1,
    minTimeout: 0,
    maxTimeout: 0,
    shouldRetry,
    unref: false,
  }).then(
    () => true,
    () => false,
  )
  return outcomeOf(probe, leaves, last, { ok: isSeen, attempts, ms: clock.now() - started })
}

/** Milliseconds before try `attempts + 1`: the first wait, doubling up to the longest. */
function waitBefore(attempts: number, { initialMs, maxMs }: RetrySchedule): number {
  return Math.min(initialMs * 2 ** (attempts - 1), maxMs)
}

function isExpected(look: Look, leaves: readonly string[]): boolean {
  return look.leaf !== null && leaves.includes(look.leaf.sha256)
}

function outcomeOf(
  probe: Probe,
  leaves: readonly string[],
  look: Look | null,
  facts: Pick<ProbeOutcome, 'ok' | 'attempts' | 'ms'>,
): ProbeOutcome {
  return {
    address: addressOf(probe),
    protocol: probe.protocol,
    servername: probe.servername,
    keyType: probe.keyType,
    expected: leaves[0] ?? null,
    seen: look?.leaf?.sha256 ?? null,
    tlsVersion: look?.tlsVersion ?? null,
    error: look?.error ?? null,
    ...facts,
  }
}

function addressOf({ host, port }: Probe): string {
  if (host.startsWith('/')) return `unix:${host}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
