import type { FastifyInstance } from 'fastify'
import { nearest } from '../error/nearest.ts'
import { insertJob } from './agent-routes.ts'
import { HttpError } from './http-error.ts'
import type { Reaper } from './reaper.ts'
import { renewalOf } from './renewal.ts'
import { requireKnownTarget } from './require-known-target.ts'
import {
  certificateRequestSchema,
  deploymentSchema,
  takeBackSchema,
  targetSchema,
  validationSchema,
} from './schemas.ts'
import { hashSecret, isSecret, newId, newSecret } from './secret.ts'
import type { CertificateRow, DriftRow, JobRow, Store, TargetRow } from './store.ts'

const defaultValidityDays = 47

interface Parts {
  readonly store: Store
  readonly reaper: Reaper
  readonly operatorToken: string
}

/** What the operator may do, all under `/operator/v1` with the operator's token. */
export function operatorRoutes(server: FastifyInstance, { store, reaper, operatorToken }: Parts): void {
  const hash = hashSecret(operatorToken)
  server.addHook('onRequest', async (request) => {
    const secret = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (!isSecret(secret, hash)) throw new HttpError(401, 'the operator token is not valid')
  })

  server.post('/tokens', async (_request, reply) => {
    const token = newSecret('wxt')
    store.run('INSERT INTO token (hash, created_at) VALUES (?, ?)', hashSecret(token), store.timestamp())
    return reply.code(201).send({ token })
  })

  server.get('/agents', async () => ({
    agents: store.all(
      'SELECT id, name, hostname, status, registered_at, last_heartbeat_at FROM agent ORDER BY registered_at',
    ),
  }))

  server.post<{ Params: { id: string } }>('/agents/:id/retire', async (request) => {
    store.run("UPDATE agent SET status = 'retired' WHERE id = ?", agentOf(store, request.params.id))
    return { status: 'retired' }
  })

  server.get('/targets', async () => {
    const drift = new Map(store.all<DriftRow>('SELECT * FROM drift').map((row) => [row.target_id, row]))
    return {
      targets: store
        .all<TargetRow>(
          'SELECT target.*, agent.name AS agent_name FROM target JOIN agent ON agent.id = target.agent_id ORDER BY target.name',
        )
        .map((row) => ({
          ...row,
          config: parse(row.config),
          drift: asDocument(drift.get(row.id)),
          renewal: renewalOf(store, row.id),
        })),
    }
  })

  server.post<{
    Body: { name: string; agent_id: string; type: string; config: object; replace?: boolean; unchecked?: boolean }
  }>('/targets', { schema: { body: targetSchema } }, async (request, reply) => {
    const { name, type, config, replace = false, unchecked = false } = request.body
    const agentId = agentOf(store, request.body.agent_id)
    if (!unchecked) await requireKnownTarget(type, config)
    const there = store.first<TargetRow>('SELECT * FROM target WHERE name = ?', name)
    if (there === undefined) {
      const id = newId('target')
      const values = [id, name, agentId, type, JSON.stringify(config)] as const
      store.run('INSERT INTO target (id, name, agent_id, type, config) VALUES (?, ?, ?, ?, ?)', ...values)
      return reply.code(201).send({ id })
    }
    if (!replace) throw new HttpError(409, 'a target of this name is there; add-target --replace changes it')
    // Its certificates are renewed by their agent, and have their keys there.
    if (there.agent_id !== agentId) throw new HttpError(409, 'the target of this name is one of another agent')
    store.run('UPDATE target SET type = ?, config = ? WHERE id = ?', type, JSON.stringify(config), there.id)
    return reply.code(200).send({ id: there.id })
  })

  server.post<{
    Body: { agent_id: string; common_name: string; sans?: string[]; validity_days?: number; deploy_to?: string[] }
  }>('/certificates', { schema: { body: certificateRequestSchema } }, async (request, reply) => {
    const { common_name, sans = [], validity_days = defaultValidityDays, deploy_to = [] } = request.body
    const agent_id = agentOf(store, request.body.agent_id)
    const targets = deploy_to.map((target) => targetOf(store, target, agent_id))
    const id = newId('cert')
    const job = store.transaction(() => {
      const values = [id, agent_id, common_name, JSON.stringify(sans), validity_days] as const
      store.run(
        'INSERT INTO certificate (id, agent_id, common_name, sans, validity_days) VALUES (?, ?, ?, ?, ?)',
        ...values,
      )
      for (const target of new Set(targets))
        store.run('INSERT INTO deploy_to (certificate_id, target_id) VALUES (?, ?)', id, target)
      return insertJob(store, {
        type: 'Issuance',
        status: 'AwaitingCSR',
        agent_id,
        certificate_id: id,
        target_id: null,
      })
    })
    return reply.code(201).send({ certificate_id: id, job_id: job })
  })

  server.post<{ Body: { certificate_id: string; target_id: string } }>(
    '/deployments',
    { schema: { body: deploymentSchema } },
    async (request, reply) => {
      const { certificate_id } = request.body
      const certificate = store.first<CertificateRow>('SELECT * FROM certificate WHERE id = ?', certificate_id)
      if (certificate === undefined) throw new HttpError(404, 'there is no such certificate')
      const target_id = targetOf(store, request.body.target_id, certificate.agent_id)
      const id = insertJob(store, {
        type: 'Deployment',
        status: 'Pending',
        agent_id: certificate.agent_id,
        certificate_id,
        target_id,
      })
      return reply.code(201).send({ job_id: id })
    },
  )

  server.post<{ Body: { target_id: string } }>(
    '/validations',
    { schema: { body: validationSchema } },
    async (request, reply) => {
      const { id: target_id } = named<TargetRow>(store, 'target', request.body.target_id)
      const last = store.first<JobRow>(
        "SELECT * FROM job WHERE target_id = ? AND type = 'Deployment' ORDER BY created_at DESC, rowid DESC",
        target_id,
      )
      if (last === undefined) throw new HttpError(404, 'nothing was ever deployed to this target')
      const { agent_id, certificate_id } = last
      const id = insertJob(store, { type: 'Validation', status: 'Pending', agent_id, certificate_id, target_id })
      return reply.code(201).send({ job_id: id })
    },
  )

  server.post<{ Body: { target_id: string; certificate_id?: string } }>(
    '/take-backs',
    { schema: { body: takeBackSchema } },
    async (request, reply) => {
      const { id: target_id } = named<TargetRow>(store, 'target', request.body.target_id)
      const { agent_id, certificate_id } = earlierOn(store, target_id, request.body.certificate_id)
      const id = insertJob(store, { type: 'TakeBack', status: 'Pending', agent_id, certificate_id, target_id })
      return reply.code(201).send({ job_id: id })
    },
  )

  server.get('/jobs', async () => {
    reaper.reap()
    const rows = store.all<JobRow>(
      `SELECT job.*, agent.name AS agent_name, target.name AS target_name, certificate.common_name
        FROM job JOIN agent ON agent.id = job.agent_id JOIN certificate ON certificate.id = job.certificate_id
        LEFT JOIN target ON target.id = job.target_id ORDER BY job.created_at DESC, job.rowid DESC LIMIT 1000`,
    )
    return { jobs: rows.map(({ outcome, ...row }) => ({ ...row, proven: provenOf(parse(outcome)) })) }
  })

  server.get<{ Params: { id: string } }>('/jobs/:id', async (request) => {
    reaper.reap()
    const job = store.first<JobRow>('SELECT * FROM job WHERE id = ?', request.params.id)
    if (job === undefined) throw new HttpError(404, 'there is no such job')
    return { ...job, outcome: parse(job.outcome), verification: parse(job.verification) }
  })
}

/** What was deployed to a target once: this certificate, or the one before the newest. */
function earlierOn(store: Store, targetId: string, wanted: string | undefined): JobRow {
  const done = store.all<JobRow>(
    `SELECT * FROM job WHERE target_id = ? AND type IN ('Deployment', 'TakeBack') AND status = 'Completed'
      ORDER BY created_at DESC, rowid DESC`,
    targetId,
  )
  const newest = done[0]?.certificate_id
  const earlier = done.find(({ certificate_id: one }) => (wanted === undefined ? one !== newest : one === wanted))
  if (earlier !== undefined) return earlier
  throw new HttpError(404, 'no such certificate was deployed to this target before')
}

/** Whether a listener showed what a deployment put in place; null: nothing was put there, or the agent did not say. */
function provenOf(outcome: unknown): boolean | null {
  if (typeof outcome !== 'object' || outcome === null || !('proven' in outcome) || !('outcome' in outcome)) return null
  const isInPlace = outcome.outcome === 'deployed' || outcome.outcome === 'unchanged'
  return isInPlace && typeof outcome.proven === 'boolean' ? outcome.proven : null
}

function asDocument(drift: DriftRow | undefined): object | null {
  return drift === undefined ? null : { since: drift.since, reasons: parse(drift.reasons) }
}

function parse(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}

/** What has this text as its id, else as its name: people say names. */
function named<Row>(store: Store, table: 'agent' | 'target', text: string): Row {
  const query = `SELECT * FROM ${table} WHERE ? IN (id, name) ORDER BY id = ? DESC LIMIT 1`
  const row = store.first<Row>(query, text, text)
  if (row !== undefined) return row
  const known = store.all<{ readonly name: string }>(`SELECT name FROM ${table}`).map(({ name }) => name)
  const meant = nearest(text, known)
  throw new HttpError(404, `there is no such ${table}: ${text}${meant === null ? '' : `; is ${meant} meant?`}`)
}

function agentOf(store: Store, text: string): string {
  return named<{ readonly id: string }>(store, 'agent', text).id
}

/** Of this agent. */
function targetOf(store: Store, text: string, agentId: string): string {
  const { id, agent_id } = named<TargetRow>(store, 'target', text)
  if (agent_id !== agentId) throw new HttpError(404, `this agent has no target ${text}`)
  return id
}
