import pRetry, { AbortError } from 'p-retry'
import type { ChainVerdict, ProbeOutcome } from '../outcome/outcome.ts'
import { isSameFailure } from '../outcome/sighting.ts'
import type { Look } from './probe-once.ts'
import { judgeChain } from './served-chain.ts'
import type { Expectation, Verification } from './verification.ts'

/** A daemon that is changing over shows the old leaf after the new one: nginx for up to 100 ms (docs/daemons.md). */
const agreeingLooks = 3
/** At an address, after another leaf was seen there before the new one: it may be a change-over, or two masters by turns. */
const afterChange = 8
/** Several sockets listen at the address: the kernel chooses one by the port of the client. */
const amongSockets = 12
/** Once the new leaf and another were seen by turns: so many looks in a row have to agree … */
const afterMix = 20
/** … and from this one on, a look that does not is the last; none is taken after this time. */
const mostMixedLooks = 40
const longestMixedMs = 30_000

const agreeingWaitMs = 60
const closeWaitMs = 30
const mixedWaitMs = 75
/** Behind the first looks: Exim takes seconds to notice that files were put back. */
const lateMixedWaitMs = 400

/** No verification takes longer, whatever its schedule says. */
const longestMs = 10 * 60_000

type Verdict = Pick<ProbeOutcome, 'attempts' | 'seen' | 'ok' | 'chain' | 'decides' | 'tlsVersion' | 'ms' | 'error'>

/** One probe, by its schedule. Never throws. */
export async function verifyOne(expectation: Expectation, verification: Verification): Promise<Verdict> {
  return new ProbeLooks(expectation, verification).run()
}

/** The looks of one probe, and what they have seen so far. */
class ProbeLooks {
  readonly #expectation: Expectation
  readonly #verification: Verification
  #last: Look | null = null
  #attempts = 0
  #sockets: number | null = null
  /** Looks of this address that had agreed when another leaf was seen last; null: none was. */
  #agreedAtOther: number | null = null
  #hasAgreed = false
  #isSeen = false
  /** Between two tries. */
  #isWaiting = false
  /** Cuts such a wait short. */
  readonly #stop = new AbortController()
  /** The looks since the leaves were seen by turns; null: they were not. */
  #mixed: { readonly since: number; looks: number; others: number } | null = null

  constructor(expectation: Expectation, verification: Verification) {
    this.#expectation = expectation
    this.#verification = verification
  }

  async run(): Promise<Verdict> {
    const { clock, signal, retry } = this.#verification.options
    const started = clock.now()
    const ended = new AbortController()
    const listening = { once: true, signal: ended.signal } as const
    signal?.addEventListener('abort', () => this.#stop.abort(), listening)
    this.#verification.decided.addEventListener('abort', () => this.#stopWaiting(), listening)
    await pRetry(() => this.#attempt(), {
      retries: retry.attempts - 1,
      minTimeout: retry.initialMs,
      factor: 2,
      maxTimeout: retry.maxMs,
      randomize: false,
      maxRetryTime: longestMs,
      shouldRetry: () => {
        this.#isWaiting = !this.#isOver()
        return this.#isWaiting
      },
      signal: this.#stop.signal,
    }).catch(() => {})
    ended.abort()
    return this.#verdict(this.#isSeen, clock.now() - started)
  }

  async #attempt(): Promise<void> {
    this.#isWaiting = false
    this.#attempts += 1
    const { options, shared } = this.#verification
    const watch = shared.watchOf(this.#expectation.probe)
    const agreedBefore = watch.agreed
    for (let agreed = 0; ; ) {
      if (await this.#look()) {
        agreed += 1
        watch.note()
      } else if (this.#mixed === null) throw new Error('another leaf')
      else agreed = 0
      const since = Math.max(agreedBefore, this.#agreedAtOther ?? 0)
      this.#isSeen = await this.#isEnough(agreed, watch.agreed - since)
      if (this.#isSeen) return
      if (this.#isMixedForLong(agreed) || this.#isOver()) throw new AbortError('several leaves by turns')
      await options.clock.sleep(this.#waitAfter(agreed), options.signal)
    }
  }

  /** Whether it saw what it should. */
  async #look(): Promise<boolean> {
    const { probe, leaves } = this.#expectation
    const { look, shared, options } = this.#verification
    this.#last = await shared.inTurn(probe, () => look(probe))
    const isExpected = this.#last.leaf !== null && leaves.includes(this.#last.leaf.sha256)
    if (!isExpected && (this.#hasAgreed || this.#last.leaf !== null)) this.#agreedAtOther = shared.watchOf(probe).agreed
    if (!isExpected && this.#hasAgreed) this.#mixed ??= { since: options.clock.now(), looks: 0, others: 0 }
    if (this.#mixed !== null) {
      this.#mixed.looks += 1
      if (!isExpected) this.#mixed.others += 1
    }
    this.#hasAgreed ||= isExpected
    return isExpected
  }

  /** `agreed`: looks of this probe in a row; `here`: looks of all probes at this address in that time. */
  async #isEnough(agreed: number, here: number): Promise<boolean> {
    if (agreed === 0) return false
    if (this.#mixed !== null) return agreed >= afterMix
    const { shared, options } = this.#verification
    this.#sockets ??= await shared.socketsAt(this.#expectation.probe)
    const wanted = this.#sockets === 1 ? (options.agreeingLooks ?? agreeingLooks) : agreeingLooks
    if (this.#agreedAtOther === null && this.#sockets <= 1) return agreed >= wanted
    return agreed >= agreeingLooks && here >= (this.#sockets > 1 ? amongSockets : afterChange)
  }

  #isMixedForLong(agreed: number): boolean {
    if (this.#mixed === null) return false
    const { looks, since } = this.#mixed
    const isLast = agreed === 0 && looks >= mostMixedLooks
    return isLast || this.#verification.options.clock.now() - since > longestMixedMs
  }

  #waitAfter(agreed: number): number {
    if (this.#mixed === null) return agreed < agreeingLooks ? agreeingWaitMs : closeWaitMs
    return this.#mixed.looks <= afterMix ? mixedWaitMs : lateMixedWaitMs
  }

  /** The probes that decide are done: one that failed before, and still does, need not wait for its next try. */
  #stopWaiting(): void {
    if (this.#isWaiting && this.#failsAsBefore()) this.#stop.abort()
  }

  #failsAsBefore(): boolean {
    return isSameFailure(this.#expectation.before?.failure ?? null, this.#last?.failure ?? null)
  }

  #isOver(): boolean {
    const { options, decided } = this.#verification
    return options.signal?.aborted === true || (decided.aborted && this.#failsAsBefore())
  }

  /** Null: nothing to compare it with; a leaf whose chain nobody gave may have none but its root. */
  #chain(): ChainVerdict | null {
    const { chain: expected, before } = this.#expectation
    if (this.#last === null || expected === undefined) return null
    const verdict = judgeChain(this.#last.certificates, expected)
    return verdict === 'missing' && expected === null && before?.isChained !== true ? null : verdict
  }

  #verdict(isSeen: boolean, ms: number): Verdict {
    const { before } = this.#expectation
    const look = this.#last
    const chain = isSeen ? this.#chain() : null
    const isCutShort = (chain === 'missing' || chain === 'incomplete') && before?.isChained === true
    const reason = isCutShort ? cutShort : (look?.error ?? null)
    return {
      attempts: this.#attempts,
      seen: look?.leaf?.sha256 ?? null,
      ok: isSeen && !isCutShort,
      chain,
      ...(!isSeen && this.#failsAsBefore() ? { decides: false as const } : {}),
      tlsVersion: look?.tlsVersion ?? null,
      ms,
      error: isSeen || this.#mixed === null ? reason : mixedText(this.#mixed),
    }
  }
}

const cutShort =
  'the new leaf is served without its chain, and one was served before: deploy the chain (or its root, where there is no other issuer) with it'

function mixedText({ looks, others }: { readonly looks: number; readonly others: number }): string {
  return `${Math.round((100 * others) / looks)} % of ${looks} looks saw another leaf, or none: several servers answer here by turns`
}
