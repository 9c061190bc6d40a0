import { rollbackAnswerSchema } from '../../control-plane/rollback-call.ts'
import { workItemSchema } from '../../control-plane/wire.ts'
import { keyKinds } from '../../plan/key-kind.ts'

const text = { type: 'string' } as const
const time = { type: 'string', description: 'RFC 3339, UTC.' } as const
const texts = { type: 'array', items: text } as const

/** What an agent that knows `wait` is told of its pace, in seconds. */
const pace = {
  poll_interval: {
    type: 'integer',
    description: 'Seconds from one call for work to the next, where it does not wait.',
  },
  splay: { type: 'integer', description: 'Seconds: the next call comes after a random part of it.' },
} as const

const cancel = { ...texts, description: 'Jobs that the agent is asked to cancel, where it knows that.' } as const

function answer(properties: Readonly<Record<string, object>>, optional: Readonly<Record<string, object>> = {}): object {
  return { type: 'object', required: Object.keys(properties), properties: { ...properties, ...optional } }
}

function status(...words: readonly string[]): object {
  return answer({ status: { enum: words } })
}

/** One of both. */
const identity = {
  api_key: { ...text, description: 'The credential, which is told once.' },
  client_certificate_pem: { ...text, description: 'Where a CSR for one came: the client certificate (PEM).' },
} as const

/** What the calls of agents answer when they are done, every field. */
export const agentAnswers = {
  renewed: status('taken', 'known', 'older'),
  registration: answer(
    {
      id: text,
      name: text,
      hostname: text,
      status: { enum: ['active'] },
      registered_at: time,
    },
    identity,
  ),
  credential: answer({ api_key: text }),
  clientCertificate: answer({ client_certificate_pem: identity.client_certificate_pem }),
  heartbeat: answer(
    {
      status: { enum: ['heartbeat_recorded'] },
      features: { ...texts, description: 'What the server knows beyond the plain protocol.' },
    },
    { ...pace, cancel, ca_pem: { ...text, description: 'The CAs of the server (PEM), the next one among them.' } },
  ),
  work: answer(
    {
      jobs: {
        type: 'array',
        items: {
          ...workItemSchema,
          required: ['id', 'type', 'status', 'certificate_id', 'common_name', 'sans'],
          properties: {
            ...workItemSchema.properties,
            expected_fingerprint: { type: ['string', 'null'], description: 'Of a TakeBack: the leaf to go back to.' },
            key: { enum: ['rotate', 'reuse'], description: 'Of a CSR that is asked for.' },
            key_type: { enum: keyKinds },
            next_key: { type: 'boolean', description: 'Have another key ready for the next rotation.' },
            current_spki_sha256: { type: 'string', description: 'The key of the newest version.' },
            keep_spki: { type: 'array', items: { type: 'string' }, description: 'Keys that TLSA records name.' },
            attempt: { type: 'integer', description: 'How often it was offered.' },
            lease_s: { type: 'integer', description: 'Seconds; it is offered again then, where nobody says Running.' },
            not_before: time,
            deadline: time,
          },
        },
      },
      count: { type: 'integer' },
    },
    { ...pace, cancel },
  ),
  csr: status('csr_signed', 'csr_accepted'),
  status: status('updated'),
  lease: answer({ lease_s: { type: 'number' } }),
  verify: status('recorded'),
  rollback: rollbackAnswerSchema,
  discoveries: status('accepted'),
} as const
