import { matterKinds } from '../../notice/matter.ts'
import { failureDays } from '../fleet/failures-page.ts'
import { labelNamePattern, labelValuePattern } from './schemas-of-labels.ts'

/** A form sends a field that nobody filled as an empty text. */
const empty = ''
const oneOf = (...words: readonly string[]) => ({ enum: [empty, ...words] })
const text = { type: 'string', maxLength: 100 } as const
const after = { type: 'string', minLength: 1, maxLength: 256 } as const
const name = { type: 'string', maxLength: 256 } as const
const yes = oneOf('yes')
const label = { type: 'string', pattern: `^ *(${labelNamePattern}=${labelValuePattern})? *$` } as const

function query(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', additionalProperties: false, properties }
}

/** Which hosts are shown, or one by its name; `after`: a name, of a target where one is shown. */
export const hostsQuery = query({
  after,
  name,
  text,
  label,
  state: oneOf('calling', 'silent', 'never', 'retired'),
  two: yes,
})

/** Which certificates are shown; `after`: an end and an id. */
export const certificatesQuery = query({
  after: { type: 'string', pattern: '^\\d{1,16}-[\\x21-\\x7e]{1,128}$' },
  text,
  label,
  host: name,
  ends: oneOf('unsigned', 'expired', 'day', 'week', 'month', 'later', 'unused'),
  late: yes,
  trouble: yes,
})

/** Which failures are shown; `after`: a time and a `seq`. */
export const failuresQuery = query({
  after: { type: 'string', pattern: '^\\d{1,16}-\\d{1,16}$' },
  host: name,
  code: { type: 'string', pattern: '^ *([A-Z0-9_]{3,64}|none)? *$' },
  type: oneOf('Issuance', 'Renewal', 'Deployment', 'Validation', 'TakeBack', 'Challenge'),
  days: oneOf(...failureDays),
})

/** Which drift is shown; `after`: the name of a target. */
export const driftQuery = query({ after, host: name })

/** Which roll-overs of TLSA records are shown; `after`: the name of a target. */
export const daneQuery = query({ after, host: name })

/** Which matters are shown; `after`: a time and an id. */
export const mattersQuery = query({
  after: { type: 'string', pattern: '^\\d{1,16}-[0-9a-f]{16}$' },
  host: name,
  kind: oneOf(...matterKinds),
})

/** Which roll-outs are shown, or which targets of one; `after`: a name, or the id of a target. */
export const rolloutsQuery = query({ after, name, state: oneOf('waiting', 'open', 'proven', 'failed', 'skipped') })

/** Which found certificates are shown; `after`: a `seq`. */
export const foundQuery = query({
  after: { type: 'string', pattern: '^\\d{1,16}$' },
  host: name,
  status: oneOf('new', 'bound', 'managed', 'gone'),
})

/** A sign-in. `to`: the page that was asked for. */
export const signInBody = {
  type: 'object',
  additionalProperties: false,
  required: ['token'],
  properties: {
    token: { type: 'string', maxLength: 512 },
    to: { type: 'string', maxLength: 2048 },
  },
} as const
