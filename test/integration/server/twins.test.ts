import t, { type Test } from 'tap'
import { openLog } from '../../../src/log/open-log.ts'
import { authenticateAgent } from '../../../src/server/operation/agent/authenticate-agent.ts'
import { createToken } from '../../../src/server/operation/agent/create-token.ts'
import { exchangeCredential } from '../../../src/server/operation/agent/exchange-credential.ts'
import { noticeTwin } from '../../../src/server/operation/agent/notice-twin.ts'
import { OldCredentials } from '../../../src/server/operation/agent/old-credentials.ts'
import { readmitAgent } from '../../../src/server/operation/agent/readmit-agent.ts'
import { register } from '../../../src/server/operation/agent/register.ts'
import { revokeCredentials } from '../../../src/server/operation/agent/revoke-credentials.ts'
import { secretProof } from '../../../src/server/operation/secret.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { AgentRow } from '../../../src/server/store/rows.ts'
import { openTestControlPlane } from '../../support/control-plane.ts'
import { startPostgres } from '../../support/postgres.ts'

const hour = 3_600_000
const day = 24 * hour
const postgres = await startPostgres(t, false)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  const open = (t: Test) => openScene(t, kind)

  t.test(`${kind}: while two hosts are one agent neither shuts the other out by an exchange`, async (t) => {
    const scene = await open(t)
    const { agent, credential, call } = scene
    const early = await exchangeCredential(scene, agent)
    await noticeTwin(scene, agent, { machine: 'a', starts: 1, run: 'r1' })
    await noticeTwin(scene, agent, { machine: 'a', starts: 1, run: 'r2' })

    await t.rejects(exchangeCredential(scene, agent), { kind: 'conflict', message: /readmit/ })
    t.match(await call(early), { id: agent.id })
    t.match(
      await call(credential),
      { id: agent.id },
      'what was exchanged before it was noticed shuts nobody out, either',
    )

    scene.advance(day)
    const later = await exchangeCredential(scene, agent)
    await call(later)
    for (const old of [early, credential]) await t.rejects(call(old), /exchanged/)
  })

  t.test(
    `${kind}: a copy that exchanges the credential while the host is away is told when that comes back`,
    async (t) => {
      const scene = await open(t)
      const { agent, credential, call, told } = scene
      const ofCopy = await exchangeCredential(scene, agent)
      await call(ofCopy)

      for (let turn = 0; turn < 3; turn += 1) {
        t.same(told, [], 'a host that starts may call with what was configured')
        await call(ofCopy)
        await t.rejects(call(credential), { kind: 'unauthorized', message: /readmit/ })
      }

      t.match(told, [/has the newer/])
      t.equal(told.length, 1)
      t.match((await scene.store.agents.list({ limit: 1 }))[0], {
        twin: /has the newer/,
        twinAt: await scene.store.now(),
      })
      for (let turn = 0; turn < 9; turn += 1) {
        await call(ofCopy)
        await t.rejects(call(credential))
      }
      t.equal(told.length, 1, 'once a day')
      await t.rejects(exchangeCredential(scene, agent), /two hosts/)

      const { credential: again } = await scene.join(await readmitAgent(scene, 'operator:a', 'mail-1'))
      await t.rejects(call(ofCopy), 'the operator has decided')
      t.match(await call(again), { id: agent.id })
      t.match((await scene.store.agents.list({ limit: 1 }))[0], { twin: null })
    },
  )

  t.test(
    `${kind}: one host alone is never told as two: out after an operator's word, or with an older state`,
    async (t) => {
      const scene = await open(t)
      const { agent, credential, call, told } = scene
      const newer = await exchangeCredential(scene, agent)
      await call(newer)

      for (let count = 0; count < 9; count += 1) await t.rejects(call(credential), /readmit/, 'its state is older')
      for (let count = 0; count < 9; count += 1) {
        scene.advance(4 * hour)
        await call(newer)
        await t.rejects(call(credential), /exchanged/, 'it has started once in a while')
      }
      await revokeCredentials(scene, 'operator:a', 'mail-1')
      for (let count = 0; count < 9; count += 1)
        for (const secret of [newer, credential]) await t.rejects(call(secret), /is not valid$/)

      t.same(told, [])
    },
  )
}

t.test(
  'on the wire an exchange is 409 while two heartbeats differ, and the answer and the log say what to do',
  async (t) => {
    const lines: string[] = []
    const write = (text: string): void => void lines.push(text)
    const log = await openLog({ level: 'error', form: 'other', colours: false, write })
    const plane = await openTestControlPlane(t, { log })
    const agent = await plane.enroll()
    const beat = (run: string) => agent.post('/heartbeat', { host: { machine: 'a'.repeat(64), starts: 1, run } })
    const exchange = () => plane.ask('POST', `/api/v1/agents/${agent.id}/credential`, agent.credential)
    await beat('1'.repeat(32))
    t.equal((await exchange()).status, 201)
    await beat('2'.repeat(32))

    t.match(await exchange(), { status: 409, body: { error: /two hosts.*waxseal control-plane readmit/ } })
    t.match(lines, [/mail-1.*two hosts are one agent/])
    t.match(await plane.operator.agents(), [{ twin: { reason: /copy/ } }])
  },
)

async function openScene(t: Test, kind: 'SQLite' | 'PostgreSQL') {
  let now = Date.parse('2026-11-01T00:00:00Z')
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const store = await openStore({ dataDir: t.testdir({}), database, now: () => now })
  t.teardown(() => store.close())
  const told: string[] = []
  const oldCredentials = new OldCredentials(store, (_, reason) => told.push(reason))
  const parts = { store, oldCredentials }
  const join = (token: string) =>
    register(parts, { token, name: 'mail-1', hostname: 'mail-1', features: [], idempotencyKey: null })
  const { agent, credential } = await join(await createToken(parts, 'operator:a'))
  /** As a call of its own: a moment later than the one before, and heard if it is good. */
  const call = async (secret: string): Promise<AgentRow> => {
    now += 1000
    const who = await authenticateAgent(parts, secretProof(secret))
    await store.presence.record([{ agentId: who.id, seenAt: now, heartbeatAt: now }])
    return who
  }
  await call(credential)
  const advance = (ms: number): void => {
    now += ms
  }
  return { ...parts, told, agent, credential, join, call, advance }
}
