import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { authenticateAgent } from '../../../src/server/operation/agent/authenticate-agent.ts'
import { createToken } from '../../../src/server/operation/agent/create-token.ts'
import { exchangeCredential } from '../../../src/server/operation/agent/exchange-credential.ts'
import { noticeTwin } from '../../../src/server/operation/agent/notice-twin.ts'
import { OldCredentials } from '../../../src/server/operation/agent/old-credentials.ts'
import { readmitAgent } from '../../../src/server/operation/agent/readmit-agent.ts'
import { register } from '../../../src/server/operation/agent/register.ts'
import { revokeCredentials } from '../../../src/server/operation/agent/revoke-credentials.ts'
import { chainAudit, requireSigned, signHead } from '../../../src/server/operation/audit-trail.ts'
import { addOperator, revokeOperator } from '../../../src/server/operation/operators.ts'
import { secretProof } from '../../../src/server/operation/secret.ts'
import { followChain, type Link, noLink } from '../../../src/server/store/audit-chain.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import type { Store } from '../../../src/server/store/store.ts'
import { type Postgres, startPostgres } from '../../support/postgres.ts'
import { certificateRow } from '../../support/store-site.ts'

const hour = 3_600_000
const day = 24 * hour
const postgres: Postgres = await startPostgres(t)

interface Scene {
  readonly store: Store
  readonly oldCredentials: OldCredentials
  /** Of what was told of two hosts, the reasons. */
  readonly told: readonly string[]
  advance(ms: number): void
  /** Registers with a token; null idempotency key unless given. */
  join(token: string, name?: string, key?: string): ReturnType<typeof register>
}

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  const open = (t: Test): Promise<Scene> => openScene(t, kind)

  t.test(`${kind}: a token is for one agent within a day, unless more was said`, async (t) => {
    const scene = await open(t)
    const token = await createToken(scene, 'operator:a')
    const late = await createToken(scene, 'operator:a')
    const long = await createToken(scene, 'operator:a', { expiresInMs: 3 * day, uses: 2 })

    await scene.join(token, 'mail-1')
    await t.rejects(scene.join(token, 'mail-2'), /token is not valid/)
    scene.advance(day)
    await t.rejects(scene.join(late, 'mail-2'), /token is not valid/)
    await scene.join(long, 'mail-2')
    await scene.join(long, 'mail-3')
    await t.rejects(scene.join(long, 'mail-4'), /token is not valid/)
  })

  t.test(`${kind}: a token with a pattern lets other names in no agent, and loses no use by them`, async (t) => {
    const scene = await open(t)
    const token = await createToken(scene, 'operator:a', { namePattern: 'mail-*.example.*' })

    for (const name of ['web-1.example.net', 'mail-1.example', 'mail-1xexample.net', 'a-mail-1.example.net'])
      await t.rejects(scene.join(token, name), /other names/, name)
    t.ok(await scene.join(token, 'mail-1.example.net'))
  })

  t.test(`${kind}: a key of a registration is one of its token, and of one name`, async (t) => {
    const scene = await open(t)
    const token = await createToken(scene, 'operator:a', { uses: 2 })
    const key = 'key-of-sixteen-characters'
    const first = await scene.join(token, 'mail-1', key)

    await t.rejects(scene.join(token, 'mail-2', key), /another name was registered with this Idempotency-Key/)
    t.match(await scene.join(token, 'mail-1', key), { agent: { id: first.agent.id } })
    const other = await scene.join(await createToken(scene, 'operator:a'), 'mail-2', key)
    t.not(other.agent.id, first.agent.id)
  })

  t.test(`${kind}: an old credential is good until the new one was used, and then never again`, async (t) => {
    const scene = await open(t)
    const { agent, credential } = await scene.join(await createToken(scene, 'operator:a'))
    await authenticateAgent(scene, secretProof(credential))

    const lost = await exchangeCredential(scene, agent)
    await authenticateAgent(scene, secretProof(credential))
    const fresh = await exchangeCredential(scene, agent)

    await t.rejects(authenticateAgent(scene, secretProof(lost)), /not valid/, 'nobody has it')
    t.match(await authenticateAgent(scene, secretProof(credential)), { id: agent.id })
    t.match(await authenticateAgent(scene, secretProof(fresh)), { id: agent.id })
    await t.rejects(authenticateAgent(scene, secretProof(credential)), /not valid/)
    t.match(await authenticateAgent(scene, secretProof(fresh)), { id: agent.id })
  })

  t.test(`${kind}: an operator shuts an agent out at once, its new credential, too`, async (t) => {
    const scene = await open(t)
    const { agent, credential } = await scene.join(await createToken(scene, 'operator:a'))
    await authenticateAgent(scene, secretProof(credential))
    const fresh = await exchangeCredential(scene, agent)

    t.equal(await revokeCredentials(scene, 'operator:a', 'mail-1'), 2)

    for (const secret of [credential, fresh])
      await t.rejects(authenticateAgent(scene, secretProof(secret)), /not valid/)
  })

  t.test(`${kind}: a host that was installed anew takes its place by an operator's word alone`, async (t) => {
    const scene = await open(t)
    const { store } = scene
    const { agent, credential } = await scene.join(await createToken(scene, 'operator:a'))
    await authenticateAgent(scene, secretProof(credential))
    const certificateId = await addCertificate(store, agent.id)
    await store.agents.retire(agent.id)

    await t.rejects(scene.join(await createToken(scene, 'operator:a')), /readmit/)
    scene.advance(hour)
    const token = await readmitAgent(scene, 'operator:a', 'mail-1')
    t.ok(await authenticateAgent(scene, secretProof(credential)), 'until it comes, the old one is good')
    await t.rejects(scene.join(token, 'mail-2'), /another name/)
    const again = await scene.join(token, 'mail-1', 'key-of-sixteen-characters')

    t.match(again.agent, { id: agent.id, status: 'active' })
    await t.rejects(authenticateAgent(scene, secretProof(credential)), /not valid/)
    t.match(await store.jobs.byId('job-1'), { status: 'Failed', error: /installed anew/ })
    const renewal = await store.jobs.lastIssuance(certificateId)
    t.match(renewal, { type: 'Renewal', status: 'AwaitingCSR', agentId: agent.id }, 'long before it is due')

    const asked = await scene.join(token, 'mail-1', 'key-of-sixteen-characters')
    t.match(asked.agent, { id: agent.id }, 'the first answer was lost')
    await t.rejects(authenticateAgent(scene, secretProof(again.credential)), /not valid/)
    t.match(await authenticateAgent(scene, secretProof(asked.credential)), { id: agent.id })
    await t.rejects(scene.join(token, 'mail-1', 'key-of-sixteen-characters'), /in use/)
    await t.rejects(scene.join(token, 'mail-1'), /token is not valid/)
  })

  t.test(`${kind}: two hosts that take turns are told once a day, one that moves or starts again is not`, async (t) => {
    const scene = await open(t)
    const { agent } = await scene.join(await createToken(scene, 'operator:a'))
    const say = (machine: string, starts: number, run: string) => noticeTwin(scene, agent, { machine, starts, run })

    t.equal(await say('a', 1, 'r1'), null)
    t.equal(await say('a', 1, 'r1'), null)
    t.equal(await say('a', 2, 'r2'), null, 'it has started again')
    t.equal(await say('b', 1, 'r3'), null, 'it has moved')
    t.match(await say('a', 2, 'r2'), /two machines/)
    t.equal(await say('b', 1, 'r3'), null, 'it was told')
    t.match((await scene.store.agents.list({ limit: 1 }))[0], { twin: /two machines/ })
    scene.advance(2 * day)
    t.equal(await say('b', 2, 'r4'), null)
    t.match(await say('b', 2, 'r5'), /copy of its machine/)
    scene.advance(2 * day)
    t.match(await say('b', 1, 'r6'), /older state/)
  })

  t.test(`${kind}: an operator comes in until it is revoked, and its name stays its own`, async (t) => {
    const { store } = await open(t)
    await addOperator({ store }, 'operator:admin', { name: 'ann', role: 'reader' })

    await t.rejects(addOperator({ store }, 'operator:admin', { name: 'ann', role: 'admin' }), /choose another/)
    await t.rejects(addOperator({ store }, 'operator:admin', { name: 'admin', role: 'reader' }), /choose another/)
    await revokeOperator({ store }, 'operator:admin', 'ann')
    await t.rejects(revokeOperator({ store }, 'operator:admin', 'ann'), /no operator/)
    t.match(await store.operators.list(), [{ name: 'ann', role: 'reader', revokedAt: await store.now() }])
  })

  t.test(`${kind}: with an operator the bootstrap tokens end that the operator has made, and no others`, async (t) => {
    const scene = await open(t)
    await addOperator(scene, 'operator:admin', { name: 'ann', role: 'operator' })
    const [hers, other] = [await createToken(scene, 'operator:ann'), await createToken(scene, 'operator:admin')]

    await revokeOperator(scene, 'operator:admin', 'ann')

    await t.rejects(scene.join(hers, 'mail-1'), /token is not valid/)
    t.ok(await scene.join(other, 'mail-1'))
  })

  t.test(
    `${kind}: the chain has each row once, whoever writes and chains at once, and no statement changes it`,
    async (t) => {
      const { store } = await open(t)
      const writers = Array.from({ length: 40 }, (_, at) =>
        store.transaction((inside) =>
          inside.audit.append({ at, actor: 'server', action: `a${at}`, subject: '\u{1F980}\0"', details: { b: [at] } }),
        ),
      )
      await Promise.all([...writers, chainAudit(store), chainAudit(store), chainAudit(store)])
      await chainAudit(store)

      const rows = (await store.audit.list({ limit: 100 })) as readonly Link[]
      t.equal(rows.length, 40)
      const end = followChain({ link: 0, hash: noLink }, rows)
      t.match(await store.audit.head(), end)
      const second = rows[1] as Link
      for (const forged of [
        rows.toSpliced(1, 1),
        rows.toSpliced(1, 1, { ...second, actor: 'operator:b' }),
        rows.toSpliced(1, 0, second),
        rows.toSpliced(1, 1, { ...second, details: {} }),
      ])
        t.throws(() => followChain({ link: 0, hash: noLink }, forged), { code: 'AUDIT_BROKEN' })
    },
  )
}

t.test('a head is signed with the key of its server', async (t) => {
  const { store } = await openScene(t, 'SQLite')
  const [mine, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
  const pem = (key: typeof mine.publicKey) => key.export({ type: 'spki', format: 'pem' }).toString()
  await createToken({ store }, 'operator:a')

  const head = await signHead(store, mine.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())

  t.match(head, { link: 1, hash: /^[0-9a-f]{64}$/ })
  t.doesNotThrow(() => requireSigned(head, pem(mine.publicKey)))
  t.throws(() => requireSigned(head, pem(other.publicKey)), { code: 'AUDIT_BROKEN' })
  t.throws(() => requireSigned({ ...head, link: 2 }, pem(mine.publicKey)), { code: 'AUDIT_BROKEN' })
})

async function openScene(t: Test, kind: 'SQLite' | 'PostgreSQL'): Promise<Scene> {
  let now = Date.parse('2026-11-01T00:00:00Z')
  const database = kind === 'SQLite' ? undefined : await postgres.newDatabase()
  const store = await openStore({ dataDir: t.testdir({}), database, now: () => now })
  t.teardown(() => store.close())
  const told: string[] = []
  return {
    store,
    told,
    oldCredentials: new OldCredentials(store, (_, reason) => told.push(reason)),
    advance: (ms) => {
      now += ms
    },
    join: (token, name = 'mail-1', idempotencyKey) =>
      register(
        { store },
        { token, name, hostname: `${name}.host`, features: [], idempotencyKey: idempotencyKey ?? null },
      ),
  }
}

/** A fresh certificate of this agent whose deployment `job-1` it runs. */
async function addCertificate(store: Store, agentId: string): Promise<string> {
  const createdAt = await store.now()
  await store.targets.add({ id: 'target-1', name: 'postfix', agentId, type: 'Postfix', config: {} })
  await store.certificates.add(certificateRow({ agentId, createdAt }), ['target-1'])
  await store.versions.add({
    certificateId: 'cert-1',
    number: 1,
    serial: '01',
    pem: '',
    fingerprint: '',
    spki: '',
    issuer: 'local',
    notBefore: createdAt,
    notAfter: createdAt + 47 * day,
    issuedAt: createdAt,
    revokedAt: null,
  })
  await store.jobs.add({
    id: 'job-1',
    type: 'Deployment',
    status: 'Pending',
    agentId,
    certificateId: 'cert-1',
    targetId: 'target-1',
    versionNumber: null,
    createdAt,
  })
  await store.jobs.claim({ agentId, at: createdAt, leaseMs: 1000, limit: 9 })
  await store.jobs.start('job-1', agentId, createdAt)
  return 'cert-1'
}
