import { configInvalid } from './parse-yaml.ts'

/** What this host does for ACME. */
export interface AcmePolicy {
  /** How it answers http-01 challenges; null: not at all. */
  readonly http: HttpAnswers | null
}

/** Where answers are put: below the root of a web server, or for the responder of Waxseal's own. */
export type HttpAnswers = { readonly webroot: string } | { readonly responder: true }

/** The same as people write it. */
export interface WrittenAcme {
  readonly http?: { readonly webroot?: string; readonly responder?: boolean }
}

const file = { type: 'string', pattern: '^/', maxLength: 4096 } as const

/** JSON schema of `policy.acme`. */
export const acmePolicySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    http: {
      type: 'object',
      additionalProperties: false,
      properties: { webroot: file, responder: { type: 'boolean' } },
    },
  },
} as const

/** CONFIG_INVALID: both ways to answer, or none. */
export function resolveAcmePolicy(written: WrittenAcme | undefined, configFile: string): AcmePolicy {
  return { http: httpOf(written?.http, configFile) }
}

function httpOf(written: WrittenAcme['http'], configFile: string): HttpAnswers | null {
  if (written === undefined) return null
  const { webroot, responder = false } = written
  if ((webroot !== undefined) === responder) {
    const hint = 'Write webroot: /var/www/html, or responder: true.'
    throw configInvalid(configFile, 'policy.acme.http', 'it has to name one of both ways to answer', hint)
  }
  return webroot === undefined ? { responder: true } : { webroot }
}
