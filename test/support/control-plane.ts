import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { type Operator, openOperator } from '../../src/server/client/operator-client.ts'
import {
  type ControlPlaneOptions,
  type RunningControlPlane,
  startControlPlane,
} from '../../src/server/start-control-plane.ts'
import { newCsr } from './csr.ts'
import { fakeClock } from './fake-clock.ts'
import type { Postgres } from './postgres.ts'

/** An answer as it arrived: its body is parsed JSON, or has the `text` of another type. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readonly<Record<string, unknown>>
}

/** Sends a request over HTTPS that trusts the CA of the control plane alone; a string body goes out as it is. */
export type Ask = (
  method: 'GET' | 'POST',
  path: string,
  credential: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>

/** An agent that has registered. */
export interface TestAgent {
  readonly id: string
  readonly credential: string
  /** A call below `/api/v1/agents/{id}`. */
  readonly get: (path: string) => Promise<Answer>
  readonly post: (path: string, body: unknown) => Promise<Answer>
  /** The jobs of one work call. */
  readonly work: () => Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Makes a key and sends a CSR for these names. */
  readonly sendCsr: (certificateId: string, names?: readonly string[]) => Promise<Answer>
}

/** A bundled control plane on 127.0.0.1 whose time passes only when it is told to. */
export interface TestControlPlane extends RunningControlPlane {
  readonly dataDir: string
  readonly operator: Operator
  readonly ask: Ask
  advance(ms: number): void
  /** Registers an agent of this name. */
  enroll(name?: string): Promise<TestAgent>
  /** The agent with these credentials, which an earlier control plane on the same folder registered. */
  agent(known: Pick<TestAgent, 'id' | 'credential'>): TestAgent
}

let databaseFor = async (_dataDir: string): Promise<string | undefined> => undefined

/** From now on each data directory has a PostgreSQL database of its own. */
export function keepIn(postgres: Postgres): void {
  const databases = new Map<string, Promise<string>>()
  databaseFor = async (dataDir) => {
    const database = databases.get(dataDir) ?? postgres.newDatabase()
    databases.set(dataDir, database)
    return database
  }
}

/** Starts a control plane, which ends with the test; options that are left out get a folder and a clock of the test's. */
export async function openTestControlPlane(
  t: Test,
  options: Partial<ControlPlaneOptions> = {},
): Promise<TestControlPlane> {
  const clock = fakeClock()
  const dataDir = options.dataDir ?? t.testdir()
  const database = await databaseFor(dataDir)
  const running = await startControlPlane({ host: '127.0.0.1', port: 0, database, now: clock.now, ...options, dataDir })
  const client = new Agent({ connect: { ca: running.caPem } })
  const operator = openOperator(running)
  const ask: Ask = async (method, path, credential, body, headers = {}) => {
    const answer = await request(`${running.url}${path}`, {
      method,
      dispatcher: client,
      headers: {
        ...headers,
        ...(credential === '' ? {} : { authorization: `Bearer ${credential}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
    })
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: String(answer.headers['content-type']).includes('json')
        ? ((await answer.body.json()) as Answer['body'])
        : { text: await answer.body.text() },
    }
  }
  let isOpen = true
  const close = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    await Promise.all([client.destroy(), operator.close()])
    await running.close()
  }
  t.teardown(close)
  const agent: TestControlPlane['agent'] = ({ id, credential }) => agentOf(ask, id, credential)
  return {
    ...running,
    dataDir,
    operator,
    ask,
    agent,
    close,
    advance: clock.advance,
    enroll: async (name = 'mail-1') => {
      const facts = { name, hostname: `${name}.example.net` }
      const { body } = await ask('POST', '/api/v1/agents', await operator.createToken(), facts)
      return agent({ id: String(body['id']), credential: String(body['api_key']) })
    },
  }
}

function agentOf(ask: Ask, id: string, credential: string): TestAgent {
  const base = `/api/v1/agents/${id}`
  const get: TestAgent['get'] = (path) => ask('GET', `${base}${path}`, credential)
  const post: TestAgent['post'] = (path, body) => ask('POST', `${base}${path}`, credential, body)
  return {
    id,
    credential,
    get,
    post,
    work: async () => (await get('/work')).body['jobs'] as Readonly<Record<string, unknown>>[],
    sendCsr: async (certificateId, names = ['mail.example.net']) =>
      post('/csr', { certificate_id: certificateId, csr_pem: await newCsr(names) }),
  }
}

/** What a test names of a target; nothing is deployed onto it. */
export function addTarget({ operator }: TestControlPlane, agent: TestAgent, name = 'postfix'): Promise<string> {
  return operator.addTarget({ name, agent_id: agent.id, type: 'Postfix', config: { mode: 'postfix' } })
}

/** Has a certificate signed for `mail.example.net`, with a deployment that waits to be claimed. */
export async function deploymentFor(
  plane: TestControlPlane,
  agent: TestAgent,
): Promise<{ readonly certificateId: string; readonly targetId: string; readonly jobId: string }> {
  const targetId = await addTarget(plane, agent)
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', deploy_to: [targetId] }
  const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
  await agent.sendCsr(certificateId)
  const job = (await plane.operator.jobs()).find(({ type }) => type === 'Deployment')
  return { certificateId, targetId, jobId: job?.id ?? '' }
}

/** A control plane and an agent that has claimed its one deployment. */
export async function claimedDeployment(
  t: Test,
): Promise<{ readonly plane: TestControlPlane; readonly agent: TestAgent; readonly jobId: string }> {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { jobId } = await deploymentFor(plane, agent)
  await agent.work()
  return { plane, agent, jobId }
}

/** Runs a statement on the database under the control plane, between two transactions of its own. */
export async function breakDatabase({ dataDir }: TestControlPlane, sql: string): Promise<void> {
  const database = new DatabaseSync(join(dataDir, 'control-plane.db'))
  for (let isDone = false; !isDone; ) {
    try {
      database.exec(sql)
      isDone = true
    } catch (error) {
      if ((error as { readonly errcode?: number }).errcode !== 5) throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  database.close()
}
