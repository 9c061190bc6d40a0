import { X509Certificate } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import type { Authority } from './authority.ts'
import { HttpError } from './http-error.ts'
import type { Reaper } from './reaper.ts'
import { csrSchema, discoveriesSchema, heartbeatSchema, registerSchema, statusSchema, verifySchema } from './schemas.ts'
import { hashSecret, isSecret, newId, newSecret } from './secret.ts'
import type { AgentRow, CertificateRow, JobRow, Store, TargetRow } from './store.ts'

interface Parts {
  readonly store: Store
  readonly authority: Authority
  readonly reaper: Reaper
}

/** In one answer: what is claimed in an answer that an agent finds too large is lost. */
const mostJobs = 100

const finalStates = ['Completed', 'Failed']

/** Every call of protocol §1. An agent sees and changes only what is its own. */
export function agentRoutes(server: FastifyInstance, parts: Parts): void {
  const { store, authority } = parts
  server.post<{ Body: { name: string; hostname: string } }>(
    '/api/v1/agents',
    { schema: { body: registerSchema } },
    async (request, reply) => {
      const hash = hashSecret(bearerOf(request))
      if (store.first('SELECT hash FROM token WHERE hash = ?', hash) === undefined)
        throw new HttpError(401, 'the bootstrap token is not valid')
      const { name, hostname } = request.body
      if (store.first('SELECT id FROM agent WHERE name = ?', name) !== undefined)
        throw new HttpError(409, 'an agent of this name is registered')
      const credential = newSecret('wxa')
      const agent = { id: newId('agent'), name, hostname, status: 'active', registered_at: store.timestamp() }
      store.transaction(() => {
        store.run('DELETE FROM token WHERE hash = ?', hash)
        const values = [agent.id, name, hostname, agent.status, hashSecret(credential), agent.registered_at] as const
        store.run(
          'INSERT INTO agent (id, name, hostname, status, credential_hash, registered_at) VALUES (?, ?, ?, ?, ?, ?)',
          ...values,
        )
      })
      return reply.code(201).send({ ...agent, api_key: credential })
    },
  )

  server.post<{ Params: { id: string } }>(
    '/api/v1/agents/:id/heartbeat',
    { schema: { body: heartbeatSchema } },
    async (request) => {
      const agent = authenticateActive(parts, request, request.params.id)
      store.run('UPDATE agent SET last_heartbeat_at = ? WHERE id = ?', store.timestamp(), agent.id)
      return { status: 'heartbeat_recorded', features: ['drift'] }
    },
  )

  server.get<{ Params: { id: string } }>('/api/v1/agents/:id/work', async (request) => {
    const agent = authenticateActive(parts, request, request.params.id)
    const jobs = store.transaction(() => {
      const claimed = store.all<JobRow>(
        `SELECT * FROM job WHERE agent_id = ? AND status IN ('Pending', 'AwaitingCSR')
          ORDER BY status DESC, created_at, rowid LIMIT ?`,
        agent.id,
        mostJobs,
      )
      for (const { id, status } of claimed)
        if (status === 'Pending')
          store.run("UPDATE job SET status = 'Running', updated_at = ? WHERE id = ?", store.timestamp(), id)
      return claimed.map((job) => workItem(store, job))
    })
    return { jobs, count: jobs.length }
  })

  server.get<{ Params: { id: string; certificate: string } }>(
    '/api/v1/agents/:id/certificates/:certificate',
    async (request) => {
      const agent = authenticate(parts, request, request.params.id)
      const row = ownCertificate(store, agent, request.params.certificate)
      if (row.certificate_pem === null) throw new HttpError(404, 'the certificate has no version yet')
      return { certificate_pem: row.certificate_pem }
    },
  )

  server.post<{ Params: { id: string }; Body: { csr_pem: string; certificate_id: string } }>(
    '/api/v1/agents/:id/csr',
    { schema: { body: csrSchema } },
    async (request, reply) => {
      const agent = authenticateActive(parts, request, request.params.id)
      const row = ownCertificate(store, agent, request.body.certificate_id)
      const names = [...new Set([row.common_name, ...(JSON.parse(row.sans) as string[])])]
      const pem = await authority.sign(request.body.csr_pem, names, row.validity_days).catch((error: unknown) => {
        throw new HttpError(400, describeError(asWaxsealError(error)))
      })
      store.transaction(() => recordSigned(store, row, pem))
      return reply.code(202).send({ status: 'csr_signed' })
    },
  )

  server.post<{
    Params: { id: string; job: string }
    Body: { status: JobRow['status']; error?: string; outcome?: object }
  }>('/api/v1/agents/:id/jobs/:job/status', { schema: { body: statusSchema } }, async (request) => {
    const agent = authenticate(parts, request, request.params.id)
    const job = store.first<JobRow>('SELECT * FROM job WHERE id = ? AND agent_id = ?', request.params.job, agent.id)
    if (job === undefined) throw new HttpError(404, 'this agent has no such job')
    const { status, error, outcome } = request.body
    // The first final state stays: a result may arrive twice. The reaper's is a guess that a result corrects.
    const isReaped = store.first('SELECT job_id FROM reaped WHERE job_id = ?', job.id) !== undefined
    if (finalStates.includes(job.status) && !(isReaped && finalStates.includes(status))) return { status: 'updated' }
    const document = outcome === undefined ? null : JSON.stringify(outcome)
    store.transaction(() => {
      store.run('DELETE FROM reaped WHERE job_id = ?', job.id)
      store.run(
        'UPDATE job SET status = ?, error = ?, outcome = ?, updated_at = ? WHERE id = ?',
        status,
        error ?? null,
        document,
        store.timestamp(),
        job.id,
      )
    })
    return { status: 'updated' }
  })

  server.post<{ Params: { job: string }; Body: object }>(
    '/api/v1/jobs/:job/verify',
    { schema: { body: verifySchema } },
    async (request) => {
      const agent = authenticate(parts, request, null)
      const changed = store.run(
        'UPDATE job SET verification = ? WHERE id = ? AND agent_id = ?',
        JSON.stringify(request.body),
        request.params.job,
        agent.id,
      )
      if (changed === 0) throw new HttpError(404, 'this agent has no such job')
      return { status: 'recorded' }
    },
  )

  server.post<{
    Params: { id: string }
    Body: { certificates: unknown[] | null; errors: unknown[] | null; drift?: readonly Drift[] }
  }>('/api/v1/agents/:id/discoveries', { schema: { body: discoveriesSchema } }, async (request, reply) => {
    const agent = authenticateActive(parts, request, request.params.id)
    const { certificates, errors, drift = [] } = request.body
    if ((certificates ?? []).length + (errors ?? []).length + drift.length === 0)
      throw new HttpError(500, 'nothing was discovered')
    store.transaction(() => recordDrift(store, agent, drift))
    return reply.code(202).send({ status: 'accepted' })
  })
}

interface Drift {
  readonly target_id: string
  readonly looked_at: string
  readonly reasons: readonly string[]
}

/** Of the agent's own targets; one without a reason is in order, and one that is not known here was deployed by hand. */
function recordDrift(store: Store, agent: AgentRow, drift: readonly Drift[]): void {
  for (const { target_id, looked_at, reasons } of drift) {
    if (store.first('SELECT id FROM target WHERE id = ? AND agent_id = ?', target_id, agent.id) === undefined) continue
    store.run('DELETE FROM drift WHERE target_id = ?', target_id)
    if (reasons.length === 0) continue
    const values = [target_id, JSON.stringify(reasons), looked_at] as const
    store.run('INSERT INTO drift (target_id, reasons, since) VALUES (?, ?, ?)', ...values)
  }
}

function bearerOf(request: FastifyRequest): string {
  const match = /^Bearer ([\x21-\x7e]{1,4096})$/.exec(request.headers.authorization ?? '')
  if (match?.[1] === undefined) throw new HttpError(401, 'a bearer credential is needed')
  return match[1]
}

/** The agent that this request comes from; `id`: the one that it must be. */
function authenticate({ store, reaper }: Parts, request: FastifyRequest, id: string | null): AgentRow {
  const secret = bearerOf(request)
  const agent = store.first<AgentRow & { readonly credential_hash: string }>(
    'SELECT * FROM agent WHERE credential_hash = ?',
    hashSecret(secret),
  )
  if (agent === undefined || !isSecret(secret, agent.credential_hash))
    throw new HttpError(401, 'the credential is not valid')
  if (id !== null && agent.id !== id) throw new HttpError(403, 'the credential belongs to another agent')
  reaper.hear(agent.id)
  return agent
}

/** As above, for a call that begins something: a retired agent only finishes and reports. */
function authenticateActive(parts: Parts, request: FastifyRequest, id: string): AgentRow {
  const agent = authenticate(parts, request, id)
  if (agent.status === 'retired') throw new HttpError(410, 'this agent is retired')
  return agent
}

function ownCertificate(store: Store, agent: AgentRow, id: string): CertificateRow {
  const row = store.first<CertificateRow>('SELECT * FROM certificate WHERE id = ? AND agent_id = ?', id, agent.id)
  if (row === undefined) throw new HttpError(404, 'this agent has no such certificate')
  return row
}

/** The signed version is the newest, its issuance is done, and its deployments begin. */
function recordSigned(store: Store, row: CertificateRow, pem: string): void {
  store.run('UPDATE certificate SET certificate_pem = ? WHERE id = ?', pem, row.id)
  store.run(
    "UPDATE job SET status = 'Completed', updated_at = ? WHERE certificate_id = ? AND status = 'AwaitingCSR'",
    store.timestamp(),
    row.id,
  )
  const targets = store.all<{ readonly target_id: string }>(
    'SELECT target_id FROM deploy_to WHERE certificate_id = ?',
    row.id,
  )
  for (const { target_id } of targets)
    insertJob(store, {
      type: 'Deployment',
      status: 'Pending',
      agent_id: row.agent_id,
      certificate_id: row.id,
      target_id,
    })
}

/** Adds a job and returns its id. */
export function insertJob(
  store: Store,
  job: Pick<JobRow, 'type' | 'status' | 'agent_id' | 'certificate_id' | 'target_id'>,
): string {
  const id = newId('job')
  const at = store.timestamp()
  const values = [id, job.type, job.agent_id, job.certificate_id, job.target_id, job.status, at, at] as const
  store.run(
    'INSERT INTO job (id, type, agent_id, certificate_id, target_id, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ...values,
  )
  return id
}

function workItem(store: Store, job: JobRow): object {
  const certificate = store.first<CertificateRow>('SELECT * FROM certificate WHERE id = ?', job.certificate_id)
  const target = store.first<TargetRow>('SELECT * FROM target WHERE id = ?', job.target_id)
  return {
    id: job.id,
    type: job.type,
    status: job.status === 'Pending' ? 'Running' : job.status,
    certificate_id: job.certificate_id,
    common_name: certificate?.common_name,
    sans: certificate === undefined ? [] : (JSON.parse(certificate.sans) as unknown),
    ...(job.type === 'TakeBack' ? { expected_fingerprint: leafOf(certificate) } : {}),
    ...(target === undefined
      ? {}
      : {
          target_id: target.id,
          target_name: target.name,
          target_type: target.type,
          target_config: JSON.parse(target.config) as unknown,
        }),
  }
}

/** SHA-256 of the leaf, as an agent knows it. */
function leafOf(certificate: CertificateRow | undefined): string | null {
  if (certificate === undefined || certificate.certificate_pem === null) return null
  return new X509Certificate(certificate.certificate_pem).fingerprint256.replaceAll(':', '').toLowerCase()
}
