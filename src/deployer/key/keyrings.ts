import { type DocumentFolder, openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import { limits } from '../../limit/limits.ts'
import { oneAtATime } from '../../outbox/one-at-a-time.ts'

/** A key that a certificate was asked for with. */
export interface AskedKey {
  readonly spkiSha256: string
  readonly jobId: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The keys of one certificate, by their SPKI digests. */
export interface Keyring {
  readonly commonName: string
  /** Newest first. */
  readonly asked: readonly AskedKey[]
  /** Made ahead: the next rotation takes it. Null: none was. */
  readonly next: string | null
  /** Those that TLSA records name, as the control plane has said last. */
  readonly tlsa: readonly string[]
}

/** A document per certificate, by its id on the control plane. */
export interface Keyrings extends DocumentFolder<Keyring> {
  /** Which key a job gets, and what is written of it, are one step. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
}

const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const

/** JSON schema of a keyring. */
export const keyringSchema = {
  type: 'object',
  required: ['commonName', 'asked', 'next', 'tlsa'],
  properties: {
    commonName: { type: 'string' },
    asked: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'object',
        required: ['spkiSha256', 'jobId', 'at'],
        properties: { spkiSha256: digest, jobId: { type: 'string' }, at: { type: 'number' } },
      },
    },
    next: { anyOf: [digest, { type: 'null' }] },
    tlsa: { type: 'array', maxItems: 100, items: digest },
  },
} as const

/** Opens the keyrings below the state directory. */
export async function openKeyrings(path: string, isShared = false): Promise<Keyrings> {
  const folder = await openDocumentFolder<Keyring>({ path, schema: keyringSchema, isShared })
  return Object.assign(folder, { inTurn: oneAtATime() })
}

/** Of a certificate that no key was asked for yet. */
export const emptyKeyring: Keyring = { commonName: '', asked: [], next: null, tlsa: [] }

const dayMs = 86_400_000
/** A certificate may come, and be deployed, within this time. */
const awaitedMs = 14 * dayMs
/** The last one, and the one before, which is live until the other is. */
const leastAsked = 2
const mostAsked = 10

/** The same, with a key that a job has now. One that was made ahead is so no more. */
export function withAsked(ring: Keyring, key: AskedKey): Keyring {
  const others = ring.asked.filter(({ spkiSha256 }) => spkiSha256 !== key.spkiSha256)
  const asked = [key, ...others].filter(({ at }, index) => index < leastAsked || key.at - at < awaitedMs)
  const next = ring.next === key.spkiSha256 ? null : ring.next
  return { ...ring, asked: asked.slice(0, mostAsked), next }
}

/** All keys that it names. */
export function keysOf({ asked, next, tlsa }: Keyring): readonly string[] {
  return [...asked.map(({ spkiSha256 }) => spkiSha256), ...(next === null ? [] : [next]), ...tlsa]
}

const rememberedMs = 400 * dayMs
/**
 * Forgets certificates that were not asked for within 400 days, and all but those asked for last; none that a target has a key of. The keys of
 * all that stay, and those of two weeks of the most that jobs may have this host make, have room in the key store.
 */
export async function forgetKeyrings(
  keyrings: Pick<Keyrings, 'list' | 'remove'>,
  live: ReadonlySet<string>,
  now: number,
): Promise<void> {
  const asked = ({ document }: { readonly document: Keyring }): number => document.asked[0]?.at ?? 0
  const all = (await keyrings.list()).toSorted((one, other) => asked(other) - asked(one))
  for (const [index, one] of all.entries()) {
    const isKept = index < limits.keyringsKept.most && now - asked(one) < rememberedMs
    if (!isKept && !keysOf(one.document).some((spki) => live.has(spki))) await keyrings.remove(one.id)
  }
}
