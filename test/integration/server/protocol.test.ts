import { createHash, X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import { openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { newCsr } from '../../support/csr.ts'
import { startPostgres } from '../../support/postgres.ts'
import {
  type Identity,
  type Offer,
  type Place,
  type ProtocolAgent,
  type ProtocolClient,
  Refused,
} from '../../support/protocol/client.ts'
import { openDocumentClient } from '../../support/protocol/document-client.ts'
import { openOriginClient } from '../../support/protocol/origin-client.ts'
import { openOwnClient } from '../../support/protocol/own-client.ts'

const minute = 60_000
const postgres = await startPostgres(t, false)

interface Scene {
  readonly plane: TestControlPlane
  readonly client: ProtocolClient
  readonly agent: ProtocolAgent
  readonly identity: Identity
}

/** What holds for every client on every store; `isPlain`: the client knows nothing of protocol §4. */
const claims: Readonly<Record<string, (t: Test, scene: Scene) => Promise<void>>> = {
  'a token registers one agent; a name that is taken and a wrong token register none': async (t, scene) => {
    const { plane, client } = scene
    const token = await plane.operator.createToken()
    await refused(t, client.register(token, 'mail-1'), 409)
    await client.register(token, 'mail-2')
    await refused(t, client.register(token, 'mail-3'), 401)
    await refused(t, client.register('wxt_guess', 'mail-3'), 401)
    t.same(new Set((await plane.operator.agents()).map(({ name }) => name)), new Set(['mail-1', 'mail-2']))
  },

  'a registration whose answer was lost is the same agent again, where the client knows it': async (t, scene) => {
    const { plane, client, agent } = scene
    const [token, key] = [await plane.operator.createToken(), 'key-of-sixteen-characters']
    const lost = await client.register(token, 'mail-2', key)
    if (agent.additions === null) return refused(t, client.register(token, 'mail-2', key), 401)
    await refused(t, client.register(token, 'mail-3', key), 409)
    await refused(t, client.register(await plane.operator.createToken(), 'mail-2', key), 409)
    const again = await client.register(token, 'mail-2', key)
    t.equal(again.id, lost.id)
    await refused(t, client.open(lost).heartbeat(), 401)
    await client.open(again).heartbeat()
    await refused(t, client.register(token, 'mail-2', key), 409)
  },

  'a heartbeat is recorded, and only its own': async (t, { plane, agent, client, identity }) => {
    plane.advance(minute)
    await agent.heartbeat()
    t.match(await plane.operator.agents(), [{ last_heartbeat_at: '2026-11-01T00:01:00.000Z' }])
    const other = await client.register(await plane.operator.createToken(), 'mail-2')
    await refused(t, client.open({ ...identity, credential: other.credential }).heartbeat(), 403)
    await refused(t, client.open({ ...identity, credential: 'wxa_guess' }).work(), 401)
  },

  'from the CSR that is asked for to the report, in the order of an agent; what is sent twice counts once': async (
    t,
    scene,
  ) => {
    const { plane, agent } = scene
    const { certificateId, targetId } = await request(scene)
    for (let poll = 0; poll < 2; poll += 1) t.match(await agent.work(), [{ kind: 'csr', certificateId }])
    const csr = await newCsr()
    await agent.csr(certificateId, csr)
    await agent.csr(certificateId, csr)
    const { id } = await deploymentOf(scene)
    t.same(await agent.work(), [], 'it is offered once')
    const pem = await agent.certificate(certificateId)
    const leaf = new X509Certificate(pem)
    const fingerprint = createHash('sha256').update(leaf.raw).digest('hex')
    t.ok(leaf.verify(new X509Certificate(plane.caPem).publicKey))
    for (const status of ['Running', 'Running', 'Completed', 'Completed', 'Failed'] as const) {
      await agent.report(id, status)
      t.equal((await plane.operator.job(id)).status, status === 'Failed' ? 'Completed' : status)
    }
    await agent.verify({ jobId: id, targetId, fingerprint })
    t.match(await plane.operator.job(id), { status: 'Completed', verification: { actual_fingerprint: fingerprint } })
    await agent.csr(certificateId, csr)
    const jobs = await plane.operator.jobs()
    t.same(jobs.map(({ type, status }) => `${type} ${status}`).toSorted(), [
      'Deployment Completed',
      'Issuance Completed',
    ])
    t.equal(await agent.certificate(certificateId), pem)
  },

  'a CSR that comes once more when its certificate is being renewed is not taken for the new key': async (t, scene) => {
    const { plane, agent } = scene
    const { certificateId } = await request(scene)
    const [first, second] = [await newCsr(), await newCsr()]
    const signed = async (csr: string): Promise<string> => {
      await agent.csr(certificateId, csr)
      await agent.report((await deploymentOf(scene)).id, 'Completed')
      return agent.certificate(certificateId)
    }
    const before = await signed(first)
    await plane.operator.renew(certificateId)

    await agent.csr(certificateId, first)

    t.match(await agent.work(), [{ kind: 'csr', certificateId }], 'it is still asked for')
    t.equal(await agent.certificate(certificateId), before)
    const renewed = await signed(second)
    t.not(spkiOf(renewed), spkiOf(before))
    plane.advance(11 * minute)
    await plane.operator.renew(certificateId)
    const kept = await signed(second)
    t.equal(spkiOf(kept), spkiOf(renewed))
    t.not(kept, renewed, 'an agent that keeps its key is renewed')
  },

  'a claim whose answer was lost': async (t, scene) => {
    const { plane, agent } = scene
    const { id } = await deployed(scene)
    t.equal((await plane.operator.job(id)).status, agent.additions === null ? 'Running' : 'Pending')
    await (agent.additions === null ? isLost(t, scene, id) : comesAgain(t, scene, id, agent.additions))
  },

  'an agent that is silent while it works': async (t, scene) => {
    const { plane, agent } = scene
    const { id } = await deployed(scene)
    await agent.report(id, 'Running')
    plane.advance(6 * minute)
    t.equal((await plane.operator.job(id)).status, agent.additions === null ? 'Failed' : 'Running')
    await agent.report(id, 'Completed')
    t.match(await plane.operator.job(id), { status: 'Completed', error: null })
  },

  'what nobody has is cancelled at once; who has it says what became of it': async (t, scene) => {
    const { plane, agent } = scene
    const { certificateId, targetId, id } = await deployed(scene)
    const waiting = await plane.operator.deploy(certificateId, targetId)
    t.equal(await plane.operator.cancel(waiting), 'Cancelled')
    t.same(await agent.work(), [])
    await plane.operator.cancel(id)
    t.notMatch(await plane.operator.job(id), { status: 'Cancelled' })
    t.same(await agent.heartbeat(), agent.additions === null ? [] : [id])
    const said = agent.additions === null ? 'Completed' : 'Cancelled'
    await agent.report(id, said)
    t.same(await agent.heartbeat(), [])
    await agent.report(id, 'Failed')
    t.equal((await plane.operator.job(id)).status, said)
  },

  'a deployment waits for its time, and ends when nobody took it before its deadline': async (t, scene) => {
    const { plane, agent } = scene
    const { certificateId: certificate_id, targetId: target_id, id } = await deployed(scene)
    await agent.report(id, 'Completed')
    const deploy = async (times: object): Promise<string> => {
      const wanted = { certificate_id, target_id, ...times }
      const { body } = await plane.ask('POST', '/operator/v1/deployments', plane.operatorToken, wanted)
      return String(body['job_id'])
    }
    for (const deadline of ['tomorrow', '2026-13-01T00:00:00Z']) t.equal(await deploy({ deadline }), 'undefined')
    const early = await deploy({ not_before: '2026-11-01T00:10:00Z' })
    const late = await deploy({ not_before: '2026-11-01T00:05:00Z', deadline: '2026-11-01T00:08:00Z' })
    t.same(await agent.work(), [])
    plane.advance(10 * minute)
    t.match(await agent.work(), [{ id: early }])
    t.match(await plane.operator.job(late), { status: 'Failed', error: /deadline/ })
  },

  'drift is accepted, and kept where its target is named': async (t, scene) => {
    const { plane, agent } = scene
    const { targetId } = await deployed(scene)
    await agent.drift(targetId, 'it is not what was deployed')
    const reasons = agent.additions === null ? null : { reasons: ['it is not what was deployed'] }
    t.match(await plane.operator.targets(), [{ id: targetId, drift: reasons }])
  },

  'a credential is exchanged without a gap, and a revoked one is refused at once': async (t, scene) => {
    const { plane, client, agent, identity } = scene
    let last = agent
    if (agent.additions !== null) {
      await agent.additions.exchange()
      await agent.heartbeat()
      last = client.open({ ...identity, credential: await agent.additions.exchange() })
      await agent.heartbeat()
      await last.heartbeat()
      await refused(t, agent.heartbeat(), 401)
    }
    await plane.operator.revokeCredentials(identity.id)
    await refused(t, last.heartbeat(), 401)
    await refused(t, last.work(), 401)
  },

  'a retired agent begins nothing more, and still says what became of its work': async (t, scene) => {
    const { plane, agent, identity } = scene
    const { id } = await deployed(scene)
    await plane.operator.retire(identity.id)
    await refused(t, agent.heartbeat(), 410)
    await refused(t, agent.work(), 410)
    await agent.report(id, 'Completed')
    t.equal((await plane.operator.job(id)).status, 'Completed')
  },

  'who asks too often is told when to come again, and is served then': async (t, { plane, agent }) => {
    const answers = await Promise.allSettled(Array.from({ length: 130 }, () => agent.work()))
    const errors = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    t.ok(errors.length > 0 && errors.length <= 40)
    for (const error of errors) t.ok(error instanceof Refused && error.status === 429 && (error.retryAfterS ?? 0) > 0)
    plane.advance(10_000)
    t.same(await agent.work(), [])
  },

  'a call that waits is answered with a job that is made meanwhile, where the client knows it': async (t, scene) => {
    const { plane, agent } = scene
    const { certificateId, targetId, id } = await deployed(scene)
    await agent.report(id, 'Completed')
    if (agent.additions === null) return
    const waiting = agent.work(30)
    for (let count = ''; count !== '1'; ) {
      const { body } = await plane.ask('GET', '/metrics', plane.operatorToken)
      count = /^waxseal_server_polls_waiting (\d+)$/m.exec(String(body['text']))?.[1] ?? ''
    }
    const jobId = await plane.operator.deploy(certificateId, targetId)
    t.match(await waiting, [{ id: jobId, kind: 'deployment' }])
  },
}

const clients: Readonly<Record<string, (place: Place) => ProtocolClient>> = {
  ours: openOwnClient,
  'one from the document': openDocumentClient,
  'one as it was recorded': openOriginClient,
}

for (const [who, open] of Object.entries(clients))
  for (const store of ['SQLite', 'PostgreSQL'] as const)
    for (const [title, claim] of Object.entries(claims))
      t.test(`${who}, on ${store}: ${title}`, async (t) => {
        const plane = await openTestControlPlane(t, {
          database: store === 'SQLite' ? undefined : await postgres.newDatabase(),
        })
        const client = open(plane)
        t.teardown(() => client.close())
        const identity = await client.register(await plane.operator.createToken(), 'mail-1')
        const agent = client.open(identity)
        await agent.heartbeat()
        await claim(t, { plane, client, agent, identity })
      })

/** To an agent without leases. */
async function isLost(t: Test, scene: Scene, id: string): Promise<void> {
  const { plane, agent } = scene
  await passes(scene, 31 * minute)
  t.match(await plane.operator.job(id), { status: 'Failed' })
  t.same(await agent.work(), [], 'it is not offered again')
  await agent.report(id, 'Completed')
  t.match(await plane.operator.job(id), { status: 'Completed', error: null })
}

async function comesAgain(
  t: Test,
  scene: Scene,
  id: string,
  { renewLease }: NonNullable<ProtocolAgent['additions']>,
): Promise<void> {
  const { plane, agent } = scene
  plane.advance(4 * minute)
  await renewLease(id)
  plane.advance(4 * minute)
  t.same(await agent.work(), [], 'its lease was renewed')
  plane.advance(minute)
  t.match(await agent.work(), [{ id, kind: 'deployment' }])
  await agent.report(id, 'Running')
  await passes(scene, 60 * minute)
  t.same(await agent.work(), [], 'what has begun is told by its agent')
  t.equal((await plane.operator.job(id)).status, 'Running')
  await agent.report(id, 'Completed')
  await refused(t, renewLease(id), 409)
}

async function refused(t: Test, call: Promise<unknown>, status: number): Promise<void> {
  await call.then(
    () => t.fail(`it is not refused with ${status}`),
    (error: unknown) => {
      if (!(error instanceof Refused)) throw error
      t.equal(error.status, status)
    },
  )
}

function spkiOf(pem: string): string {
  return new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

/** Has a certificate wanted, with a target that it goes to. */
async function request({ plane, identity: { id: agent_id } }: Scene) {
  const config = { mode: 'postfix' }
  const targetId = await plane.operator.addTarget({ name: 'postfix', agent_id, type: 'Postfix', config })
  const wanted = { agent_id, common_name: 'mail.example.net', deploy_to: [targetId] }
  const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
  return { certificateId, targetId }
}

/** A deployment that the agent has claimed; nothing was said of it yet. */
async function deployed(scene: Scene) {
  const { certificateId, targetId } = await request(scene)
  await scene.agent.csr(certificateId, await newCsr())
  const { id } = await deploymentOf(scene)
  return { certificateId, targetId, id }
}

/** The next one that is offered: some servers sign in the background. */
async function deploymentOf({ agent }: Scene): Promise<Offer> {
  for (;;) {
    const offer = (await agent.work()).find(({ kind }) => kind === 'deployment')
    if (offer !== undefined) return offer
  }
}

/** Time in which the agent calls, but says nothing of its jobs. */
async function passes({ plane, agent }: Scene, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += minute) {
    plane.advance(minute)
    await agent.heartbeat()
  }
}
