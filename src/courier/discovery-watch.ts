import type { Logger } from 'pino'
import { entryOf } from '../control-plane/discovery-body.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { failureWait, pollWait } from '../control-plane/pace.ts'
import type { Discovery, FoundCertificate, Place } from '../documents/discovery.ts'
import { describeError, WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import type { Deployer } from './deployer.ts'
import { runLoop } from './loop.ts'
import type { Progress } from './progress.ts'

/** What the search for certificates needs. */
export interface DiscoveryParts {
  readonly deployer: Deployer
  readonly controlPlane: Pick<ControlPlane, 'basis' | 'reportDiscovery' | 'takesGone'>
  readonly clock: Clock
  readonly progress: Progress
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Whether there are folders to be searched. */
  readonly isSearching: boolean
  readonly signal: AbortSignal
}

/** Hosts that start together do not search together; the first heartbeat has said what the server takes. */
const first = { leastMs: 5000, spreadMs: 2 * 60_000 } as const
const betweenMs = 6 * 3_600_000
/** Each try is a search. */
const shortestRetryMs = 5 * 60_000
/** Of the JSON of the certificates in one call: a proxy may take no more than 1 MiB. */
const chunkBytes = 500_000
/** A page has what fits into a document. */
const mostPages = 50

/**
 * Has the folders searched again and again until the signal aborts, and tells the control plane what is new. Where there is none any
 * more, once: what was told before is there no more, as far as this host says it.
 */
export function watchForCertificates(parts: DiscoveryParts): Promise<void> {
  const { clock, progress, log, isSearching } = parts
  const search = new CertificateSearch(parts)
  const over = new AbortController()
  const signal = AbortSignal.any([parts.signal, over.signal])
  return runLoop({
    name: 'discovery',
    progress,
    turn: async () => {
      await search.once()
      if (!isSearching) over.abort()
      return pollWait(betweenMs, clock.random())
    },
    waitAfterFailure: (error, failures) => {
      log.warn({ code: error.code, reason: describeError(error) }, 'the search for certificates is put off')
      if (isFinal(error)) return pollWait(betweenMs, clock.random())
      return Math.max(
        failureWait(error, failures, clock.random(), shortestRetryMs),
        pollWait(shortestRetryMs, clock.random()),
      )
    },
    firstWait: first.leastMs + first.spreadMs * clock.random(),
    clock,
    signal,
  })
}

/** A role without the right to it, or a server without the call: the next search will do. */
function isFinal({ code }: WaxsealError): boolean {
  return code === 'CONTROL_PLANE_REFUSED' || code === 'AGENT_RETIRED'
}

/** One search after another, and what was told of them. */
export class CertificateSearch {
  readonly #parts: Pick<DiscoveryParts, 'deployer' | 'controlPlane' | 'log' | 'signal'>
  /** Each is told once. */
  #toldErrors = '[]'

  constructor(parts: Pick<DiscoveryParts, 'deployer' | 'controlPlane' | 'log' | 'signal'>) {
    this.#parts = parts
  }

  /** Searches, and tells what is new, part by part; what was told is not told again, whatever comes then. */
  async once(): Promise<void> {
    const { deployer, controlPlane, signal } = this.#parts
    const listener = controlPlane.basis.credential
    for (let page = 0; page < mostPages && !signal.aborted; page += 1) {
      const found = await deployer.ask({ ask: 'discover', listener }, shortestRetryMs)
      const errors = this.#news(found)
      await this.#tell(listener, found, errors)
      if (!found.isMore) return
    }
  }

  /** What could not be searched, where it is other than it was. */
  #news({ errors }: Discovery): readonly string[] {
    return JSON.stringify(errors) === this.#toldErrors ? [] : errors
  }

  async #tell(listener: string, found: Discovery, errors: readonly string[]): Promise<void> {
    const { deployer, controlPlane, log } = this.#parts
    const { folders, ms } = found
    const { takesGone } = controlPlane
    if (takesGone === null && found.gone.length > 0) throw notHeard()
    const chunks = chunksOf(found.certificates)
    for (const [index, certificates] of (chunks.length === 0 ? [[]] : chunks).entries()) {
      const isFirst = index === 0
      const gone = isFirst && takesGone === true ? found.gone : []
      const told = isFirst ? errors : []
      // A server has an error for a report of nothing.
      if (certificates.length + gone.length + told.length > 0)
        await controlPlane.reportDiscovery({ folders, certificates, gone, errors: told, ms })
      if (isFirst) this.#toldErrors = JSON.stringify(found.errors)
      const forgotten = isFirst ? found.gone : []
      if (certificates.length + forgotten.length > 0)
        await deployer.ask({ ask: 'told', listener, certificates: certificates.map(placeOf), gone: forgotten })
    }
    for (const reason of errors) log.warn({ reason }, 'not all certificates can be found')
    if (found.certificates.length + found.gone.length > 0)
      log.info({ found: found.certificates.length, gone: found.gone.length }, 'certificates found')
  }
}

/** What is forgotten here before it can be told is never told. */
function notHeard(): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: 'it has not said yet what it takes' })
}

function placeOf({ sha256, path }: FoundCertificate): Place {
  return { sha256, path }
}

/** In their order, each of at most so many bytes. */
export function chunksOf(certificates: readonly FoundCertificate[]): readonly (readonly FoundCertificate[])[] {
  const chunks: FoundCertificate[][] = []
  let left = 0
  for (const certificate of certificates) {
    const bytes = Buffer.byteLength(JSON.stringify(entryOf(certificate))) + 1
    if (bytes > left) {
      chunks.push([])
      left = chunkBytes
    }
    chunks.at(-1)?.push(certificate)
    left -= bytes
  }
  return chunks
}
