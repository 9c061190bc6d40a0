import { certificateSchema } from '../../control-plane/wire.ts'
import { keyKinds } from '../../plan/key-kind.ts'
import { agentAnswers } from './agent-answers.ts'

/** What a document says of a call beyond the schemas that validate it. */
export interface Call {
  readonly summary: string
  /** Of the answer when it was done; default: 200. */
  readonly status?: number
  /** The schema that the agent reads the answer by, or one of its kind. */
  readonly answer?: object
  /** Of the answer; default: JSON. */
  readonly contentType?: string
  /** Without a credential. */
  readonly isOpen?: true
}

const token = { type: 'object', required: ['token'], properties: { token: { type: 'string' } } } as const
const job = { type: 'object', required: ['job_id'], properties: { job_id: { type: 'string' } } } as const
const binding = {
  type: 'object',
  required: ['certificate_id', 'job_id', 'next_renewal_at'],
  properties: {
    certificate_id: { type: 'string' },
    job_id: { type: ['string', 'null'], description: 'Null: nothing is done before it is due.' },
    next_renewal_at: { type: ['string', 'null'], description: 'RFC 3339, UTC; null: now.' },
  },
} as const
const revoked = {
  type: 'object',
  required: ['serials', 'job_id'],
  properties: { serials: { type: 'array', items: { type: 'string' } }, job_id: { type: ['string', 'null'] } },
} as const

const account = {
  type: 'object',
  required: ['account', 'thumbprint'],
  properties: { account: { type: 'string' }, thumbprint: { type: 'string' } },
} as const
const issuers = {
  type: 'object',
  required: ['issuers'],
  properties: { issuers: { type: 'array', items: { type: 'object', required: ['name', 'kind', 'place', 'limits'] } } },
} as const

const labels = {
  type: 'object',
  required: ['agent_id', 'labels'],
  properties: {
    agent_id: { type: 'string' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
  },
} as const

const started = {
  type: 'object',
  required: ['id', 'name', 'waves', 'targets', 'left_out'],
  properties: {
    id: { type: 'string' },
    name: { type: 'string' },
    waves: { type: 'array', items: { type: 'integer' }, description: 'Hosts of each wave.' },
    targets: { type: 'integer' },
    left_out: { type: 'array', items: { type: 'string' }, description: 'Targets to which nothing was ever deployed.' },
  },
} as const
const rolloutState = {
  type: 'object',
  required: ['id', 'name', 'state'],
  properties: { id: { type: 'string' }, name: { type: 'string' }, state: { type: 'string' } },
} as const

const policy = {
  type: 'object',
  required: [
    'certificate_id',
    'renew_share',
    'issuers',
    'key_policy',
    'key_type',
    'fall_back_after',
    'fall_back_share',
  ],
  properties: {
    certificate_id: { type: 'string' },
    renew_share: { type: ['number', 'null'], description: 'Of its lifetime; null: by the rule of all.' },
    issuers: { type: 'array', items: { type: 'string' }, description: 'In order; empty: all that the server has.' },
    key_policy: { enum: ['rotate', 'reuse'] },
    key_type: { enum: [...keyKinds, null], description: 'Null: as the host makes them, p256.' },
    fall_back_after: { type: ['integer', 'null'], description: 'Failures of an issuer; null: as for all.' },
    fall_back_share: { type: ['number', 'null'], description: 'Of the lifetime; null: as for all.' },
  },
} as const

function pageOf(rows: string): object {
  return {
    type: 'object',
    required: [rows, 'next'],
    properties: {
      [rows]: { type: 'array', items: { type: 'object' } },
      next: {
        type: ['string', 'null'],
        description: 'What the next part is asked for with, as `after`; null: there is none.',
      },
    },
  }
}

/** Every call of a server. */
export const calls: Readonly<Record<string, Call>> = {
  'POST /api/v1/agents': {
    summary: 'Registers an agent; the credential is a bootstrap token. api_key is told once.',
    status: 201,
    answer: agentAnswers.registration,
  },
  'POST /api/v1/agents/:id/heartbeat': {
    summary: 'Says that the agent lives, what it knows and which host it is on.',
    answer: agentAnswers.heartbeat,
  },
  'POST /api/v1/agents/:id/client-certificate': {
    summary: 'Gives a client certificate for a CSR. The credential of the call is good until the certificate was used.',
    status: 201,
    answer: agentAnswers.clientCertificate,
  },
  'POST /api/v1/agents/:id/credential': {
    summary: 'Gives another credential. The one that was used for the call is good until the new one was used.',
    status: 201,
    answer: agentAnswers.credential,
  },
  'GET /api/v1/agents/:id/looks': { summary: 'Domains that the agent is to look at from outside.' },
  'POST /api/v1/agents/:id/looks/:look': { summary: 'Takes what an agent saw of a domain, or why it did not look.' },
  'GET /api/v1/agents/:id/work': {
    summary:
      'What the agent is to do. The call is the claim. With wait (seconds) it waits, 40 s at most, until there is something.',
    answer: agentAnswers.work,
  },
  'GET /api/v1/agents/:id/certificates/:certificate': {
    summary: 'Leaf and chain of the newest version.',
    answer: certificateSchema,
  },
  'POST /api/v1/agents/:id/csr': { summary: 'Sends a CSR.', status: 202, answer: agentAnswers.csr },
  'POST /api/v1/agents/:id/renewed': {
    summary: 'Tells a certificate that the host has renewed by itself',
    answer: agentAnswers.renewed,
  },
  'POST /api/v1/agents/:id/rollbacks': {
    summary: 'Has the record of an older key published, and says when the host may go back to it by itself.',
    answer: agentAnswers.rollback,
  },
  'POST /api/v1/agents/:id/jobs/:job/status': {
    summary: 'Says what became of a job. The first final state stays.',
    answer: agentAnswers.status,
  },
  'POST /api/v1/agents/:id/jobs/:job/lease': { summary: 'Keeps a job for some time more.', answer: agentAnswers.lease },
  'POST /api/v1/jobs/:job/verify': {
    summary: 'Says what a listener showed after a deployment.',
    answer: agentAnswers.verify,
  },
  'POST /api/v1/agents/:id/discoveries': {
    summary: 'Says what certificates are on the host, which are there no more, and what drifted.',
    status: 202,
    answer: agentAnswers.discoveries,
  },
  'GET /healthz': { summary: 'The process answers.', isOpen: true },
  'GET /readyz': {
    summary: 'The database takes what is written and the CA is there; 503 with what is missing otherwise.',
    isOpen: true,
  },
  'GET /crl/:file': {
    summary: 'What a CA has revoked (DER), by the name that certificates carry.',
    contentType: 'application/pkix-crl',
    isOpen: true,
  },
  'GET /openapi.json': { summary: 'This document.', isOpen: true },
  'GET /metrics': { summary: 'Metrics for Prometheus, as text.', contentType: 'text/plain' },
  'GET /operator/v1/agents': { summary: 'Agents, by the time of registration.', answer: pageOf('agents') },
  'GET /operator/v1/agents/:id/labels': { summary: 'The labels of an agent.', answer: labels },
  'GET /operator/v1/audit': { summary: 'The audit trail, oldest first.', answer: pageOf('rows') },
  'GET /operator/v1/audit/head': { summary: 'The signed head of the audit trail.' },
  'GET /operator/v1/certificates': {
    summary: 'Certificates with their end, their next renewal, and what their targets have of them, by id.',
    answer: pageOf('certificates'),
  },
  'GET /operator/v1/certificates/:name/policy': { summary: 'How a certificate is renewed.', answer: policy },
  'GET /operator/v1/discovered': {
    summary: 'Certificates that agents have found on their hosts, in the order in which they were found.',
    answer: pageOf('discovered'),
  },
  'GET /operator/v1/issuers': { summary: 'Who signs here: those that are asked by themselves first.', answer: issuers },
  'GET /operator/v1/jobs': { summary: 'Jobs, newest first.', answer: pageOf('jobs') },
  'GET /operator/v1/jobs/:id': { summary: 'One job with its outcome.' },
  'GET /operator/v1/operators': { summary: 'Operators, those that were revoked among them.' },
  'GET /operator/v1/orders': { summary: 'Standing orders, by the names of their targets.', answer: pageOf('orders') },
  'GET /operator/v1/targets/:name/order': { summary: 'What is to be signed as the standing order for a target.' },
  'GET /operator/v1/looks/:id': {
    summary: 'What an agent saw of a domain from outside, or that it has not looked yet.',
  },
  'GET /operator/v1/matters': { summary: 'What is the matter now, and how people are told.' },
  'GET /operator/v1/mutes': { summary: 'Of what nothing is told, and until when.' },
  'GET /operator/v1/dane': { summary: 'Targets whose TLSA records are kept right, by name.', answer: pageOf('dane') },
  'GET /operator/v1/targets/:name/dane': {
    summary: 'The TLSA records of a target, what people publish, and what waits.',
  },
  'POST /operator/v1/targets/:name/dane': { summary: 'Turns the roll-over of TLSA records of a target on or off.' },
  'GET /operator/v1/rollouts': { summary: 'Roll-outs, newest first.', answer: pageOf('rollouts') },
  'GET /operator/v1/rollouts/:name': { summary: 'Where a roll-out stands, wave by wave.' },
  'GET /operator/v1/rollouts/:name/targets': {
    summary: 'The targets of a roll-out, with what became of each.',
    answer: pageOf('targets'),
  },
  'GET /operator/v1/targets': { summary: 'Targets, by name.', answer: pageOf('targets') },
  'GET /operator/v1/tokens': {
    summary: 'Bootstrap tokens by the time when they were made, without the tokens; those that are over for 30 days.',
    answer: pageOf('tokens'),
  },
  'GET /operator/v1/renewals': { summary: 'What is to be renewed, when, by whom and why; nothing is changed.' },
  'GET /operator/v1/windows': { summary: 'Windows of renewals, by label.' },
  'POST /operator/v1/agents/:id/labels': {
    summary: 'Sets labels of an agent, and removes some; the others stay.',
    answer: labels,
  },
  'POST /operator/v1/agents/:id/readmit': {
    summary: 'Makes a token with which a host that was installed anew takes the place of this agent.',
    status: 201,
    answer: token,
  },
  'POST /operator/v1/agents/:id/retire': { summary: 'Retires an agent: it finishes, reports and ends.' },
  'POST /operator/v1/agents/:id/revoke-credentials': { summary: 'Shuts an agent out from its next call on.' },
  'POST /operator/v1/certificates': { summary: 'Has an agent make a key and request a certificate.', status: 201 },
  'POST /operator/v1/certificates/:name/policy': {
    summary: 'Changes how a certificate is renewed; what is left out stays.',
    answer: policy,
  },
  'POST /operator/v1/certificates/:name/renew': { summary: 'Renews a certificate now.', status: 201, answer: job },
  'POST /operator/v1/certificates/:name/revoke': {
    summary: 'Revokes a certificate, and has a new key made for it.',
    status: 201,
    answer: revoked,
  },
  'POST /operator/v1/deployments': { summary: 'Deploys a certificate to a target.', status: 201, answer: job },
  'POST /operator/v1/discovered/:fingerprint/bind': {
    summary: 'Has a certificate of this server take the place of one that was found, when that one is due.',
    status: 201,
    answer: binding,
  },
  'POST /operator/v1/issuers/:name/register': {
    summary: 'Makes the account of an issuer at its CA, or finds the one that is there.',
    answer: account,
  },
  'POST /operator/v1/jobs/:id/cancel': { summary: 'Cancels a job, or asks its agent to.' },
  'POST /operator/v1/jobs/:id/end': {
    summary:
      'Ends a job as Failed whose host is gone for good, or does not answer. A result that comes later takes its place.',
  },
  'POST /operator/v1/operators': { summary: 'Adds an operator; the token is told once.', status: 201, answer: token },
  'POST /operator/v1/operators/:name/revoke': { summary: 'Shuts an operator out from the next call on.' },
  'POST /operator/v1/orders': {
    summary: 'Keeps a signed order for its target, in place of an older one.',
    status: 201,
  },
  'POST /operator/v1/looks': { summary: 'Has an agent look at the mail of a domain from outside.', status: 201 },
  'POST /operator/v1/mutes': { summary: 'Tells nothing of a matter for a while.', status: 201 },
  'POST /operator/v1/mutes/:id/end': { summary: 'Tells of it again.' },
  'POST /operator/v1/notices/test': { summary: 'Sends a test over each channel.' },
  'POST /operator/v1/rollouts': {
    summary: 'Renews or deploys certificates on many hosts, wave by wave; it stops itself where too many fail.',
    status: 201,
    answer: started,
  },
  'POST /operator/v1/rollouts/:name/abandon': { summary: 'Ends a roll-out where it is.', answer: rolloutState },
  'POST /operator/v1/rollouts/:name/resume': {
    summary: 'Has a roll-out go on that stopped; with retry the targets that failed are tried once more.',
    answer: rolloutState,
  },
  'POST /operator/v1/rollouts/:name/take-back': {
    summary: 'Has each target that a roll-out changed go back to the pair that it had before.',
    answer: rolloutState,
  },
  'POST /operator/v1/take-backs': {
    summary: 'Has a target go back to a pair that was live on it.',
    status: 201,
    answer: job,
  },
  'POST /operator/v1/targets': { summary: 'Adds a target, or changes it (200).', status: 201 },
  'POST /operator/v1/tokens': { summary: 'Makes a bootstrap token, which is told once.', status: 201, answer: token },
  'POST /operator/v1/tokens/:id/revoke': { summary: 'Ends a bootstrap token. Who came in with it stays.' },
  'POST /operator/v1/validations': {
    summary: 'Has a target compared with what was deployed to it.',
    status: 201,
    answer: job,
  },
  'POST /operator/v1/windows': {
    summary: 'Holds renewals of agents with a label to a window, in place of the one that the label had.',
  },
  'POST /operator/v1/windows/remove': { summary: 'Removes the window of a label.' },
}
