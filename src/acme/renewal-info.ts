import { X509Certificate } from 'node:crypto'
import { insideOf, objectIdOf, readDer } from '../material/read-der.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { plainText } from '../text/plain-text.ts'
import { unusable } from './problem.ts'

/** When a CA wants a certificate renewed (RFC 9773). */
export interface RenewalInfo {
  /** The window: a random time in it is the time; one that has passed is now. Milliseconds since 1970. */
  readonly start: number
  readonly end: number
  /** When to ask again, in milliseconds: from a minute to a day. */
  readonly askAgainMs: number
  /** A page that says why; null: there is none. */
  readonly explanation: string | null
}

const isInfo = schemaCheck<{
  readonly suggestedWindow: { readonly start: string; readonly end: string }
  readonly explanationURL?: string | null
}>({
  type: 'object',
  required: ['suggestedWindow'],
  properties: {
    suggestedWindow: {
      type: 'object',
      required: ['start', 'end'],
      properties: { start: { type: 'string', maxLength: 64 }, end: { type: 'string', maxLength: 64 } },
    },
    explanationURL: { type: ['string', 'null'], maxLength: 2048 },
  },
})

const hourMs = 3_600_000
const leastMs = 60_000
const usualMs = 6 * hourMs
const mostMs = 24 * hourMs
const authorityKeyId = '2.5.29.35'

/** ACME_UNREACHABLE: it is no such answer, or its window ends before it starts. */
export function readRenewalInfo(text: string, retryAfterMs: number | null): RenewalInfo {
  const said = parsed(text)
  if (!isInfo(said)) throw unusable('its answer is no renewal information')
  const start = Date.parse(said.suggestedWindow.start)
  const end = Date.parse(said.suggestedWindow.end)
  if (!(end > start)) throw unusable('the window of its renewal information does not end after its start')
  const explanation = said.explanationURL ?? ''
  const isPage = explanation.length > 0 && URL.canParse(explanation) && /^https?:/i.test(explanation)
  return {
    start,
    end,
    askAgainMs: Math.min(Math.max(retryAfterMs ?? usualMs, leastMs), mostMs),
    explanation: isPage ? plainText(explanation, 2048) : null,
  }
}

/** How a CA calls a certificate there (RFC 9773 §4.1); null: the certificate does not say which key has signed it, or is none. */
export function certIdOf(pem: string): string | null {
  try {
    const { raw } = new X509Certificate(pem)
    const [certificate] = readDer(raw) ?? []
    const tbs = insideOf(insideOf(certificate, 0x30)?.[0], 0x30) ?? []
    const serial = tbs.find(({ tag }) => tag === 0x02)?.contents
    const extensions =
      insideOf(
        insideOf(
          tbs.find(({ tag }) => tag === 0xa3),
          0xa3,
        )?.[0],
        0x30,
      ) ?? []
    const parts = extensions.map((one) => insideOf(one, 0x30) ?? [])
    const value = parts.find(([id]) => objectIdOf(id) === authorityKeyId)?.at(-1)
    const inner = value?.tag === 0x04 ? readDer(value.contents)?.[0] : null
    const keyId = insideOf(inner, 0x30)?.find(({ tag }) => tag === 0x80)?.contents
    return serial === undefined || keyId === undefined ? null : `${base64url(keyId)}.${base64url(serial)}`
  } catch {
    return null
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
