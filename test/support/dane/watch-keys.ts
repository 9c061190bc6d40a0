import { createHash, X509Certificate } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { askDns } from '../../../src/dns/ask.ts'
import { recordsOf } from '../../../src/dns/record.ts'
import { askTlsa } from '../../../src/dns/tlsa.ts'
import { probeOnce } from '../../../src/verify/probe-once.ts'
import type { DnsWorld } from '../named/dns-world.ts'

/** Digests of keys (`3 1 1`) that somebody publishes; null: no answer. */
export type Published = readonly string[] | null

/** What a sender may find at one moment. The records were read before the key. */
export interface KeySample {
  /** Milliseconds since the beginning. */
  readonly at: number
  /** SHA-256 of the key that port 25 shows; null: it shows none. */
  readonly served: string | null
  readonly primary: Published
  readonly secondary: Published
  /** What the validating resolver says, with the AD bit; else null. */
  readonly resolver: Published
}

/** Looks several times a second, until `stop`. */
export interface KeyWatch {
  readonly samples: readonly KeySample[]
  /** Resolves with the first sample from now on of which this is true. */
  until(isSo: (sample: KeySample) => boolean): Promise<KeySample>
  stop(): Promise<void>
}

const everyMs = 250

/**
 * Watches the port of a mail host and the records that senders hold its key against. `recordsAt`: where the aliases of the owner name end.
 * The servers of the zones are asked there: they give no more than the alias itself where its end is in another zone.
 */
export function watchKeys(
  world: DnsWorld,
  { owner, recordsAt }: { readonly owner: string; readonly recordsAt: string },
  port: number,
): KeyWatch {
  const start = performance.now()
  const samples: KeySample[] = []
  const ending = new AbortController()
  let arrived = Promise.withResolvers<void>()
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const [primary, secondary, resolver] = await Promise.all([
        publishedBy(world, 'primary', recordsAt),
        publishedBy(world, 'secondary', recordsAt),
        believedBy(world, owner),
      ])
      samples.push({
        at: Math.round(performance.now() - start),
        served: await servedKey(port),
        primary,
        secondary,
        resolver,
      })
      arrived.resolve()
      arrived = Promise.withResolvers()
      await pause(everyMs)
    }
  }
  const running = run()
  return {
    samples,
    until: async (isSo) => {
      for (let next = samples.length; ; next += 1) {
        while (next >= samples.length) await arrived.promise
        const sample = samples[next]
        if (sample !== undefined && isSo(sample)) return sample
      }
    },
    stop: async () => {
      ending.abort()
      await running
    },
  }
}

/** Each sample in which a sender would refuse the key, in a sentence. */
export function refusedIn(samples: readonly KeySample[]): readonly string[] {
  return samples.flatMap(({ at, served, ...published }) =>
    (['primary', 'secondary', 'resolver'] as const)
      .filter((who) => served !== null && published[who] !== null && !published[who].includes(served))
      .map((who) => `${at} ms: ${short(served)} is served, the ${who} has ${published[who]?.map(short).join(' ')}`),
  )
}

/** A key as people tell it from others. */
export function short(digest: string | null): string {
  return digest?.slice(0, 8) ?? '-'
}

async function publishedBy(world: DnsWorld, who: 'primary' | 'secondary', name: string): Promise<Published> {
  const answer = await askDns({ name, type: 'TLSA' }, [world[who]], { isRecursive: false })
  if ('failed' in answer) return null
  return recordsOf('TLSA', answer.answers).map(({ data }) => data.data)
}

async function believedBy({ resolver }: DnsWorld, owner: string): Promise<Published> {
  const answer = await askTlsa(owner, [resolver])
  return 'failed' in answer || !answer.isSecure ? null : answer.records.map(({ data }) => data)
}

async function servedKey(port: number): Promise<string | null> {
  const look = await probeOnce({
    host: '127.0.0.1',
    port,
    protocol: 'smtp',
    servername: null,
    keyType: null,
    timeoutMs: 3000,
  })
  return look.leaf === null ? null : keyDigest(look.leaf.der)
}

/** SHA-256 of the public key of a certificate (DER or PEM): what `3 1 1` holds. */
export function keyDigest(certificate: Uint8Array | string): string {
  const { publicKey } = new X509Certificate(certificate)
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
