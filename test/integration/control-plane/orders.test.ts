import { createHash, X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import type { SignedOrder } from '../../../src/order/signed-order.ts'
import type { StandingOrder } from '../../../src/order/standing-order.ts'
import {
  deploymentFor,
  openTestControlPlane,
  type TestAgent,
  type TestControlPlane,
} from '../../support/control-plane.ts'
import { makeSigner, orderFor } from '../../support/orders.ts'

const signer = makeSigner()

t.test('what is to be signed names the host, the target, the names of its certificates and the CA', async (t) => {
  const { plane, targetId } = await open(t)
  const spki = new X509Certificate(plane.caPem).publicKey.export({ type: 'spki', format: 'der' })

  t.same(await plane.operator.draftOrder('postfix'), {
    order: 1,
    host: 'mail-1.example.net',
    target: { id: targetId, name: 'postfix', type: 'Postfix', config: { mode: 'postfix' } },
    names: ['mail.example.net'],
    issuer: { spki_sha256: [createHash('sha256').update(spki).digest('hex')] },
  })
  t.match(await plane.ask('GET', '/operator/v1/targets/postfx/order', plane.operatorToken), {
    status: 404,
    body: { error: /is postfix meant\?/ },
  })
})

t.test('an order is kept for its target, in place of an older one alone, and listed with its end', async (t) => {
  const { plane, order } = await open(t)
  const add = (signed: unknown) => plane.ask('POST', '/operator/v1/orders', plane.operatorToken, signed)
  const first = signer.sign(order())

  t.match(await add(first), { status: 201, body: { target: 'postfix', sequence: 1000, not_after: order().not_after } })
  t.match(await add(first), { status: 201 }, 'the same one')
  t.match(await add(signer.sign(order({ sequence: 999 }))), { status: 409, body: { error: /the sequence 1000/ } })
  t.match(await add(signer.sign(order({ names: ['x.example.net'] }))), { status: 409 })
  t.match(await add(signer.sign(order({ sequence: 1001 }))), { status: 201 })
  t.match(await plane.operator.part('orders', {}), {
    rows: [
      { target: 'postfix', sequence: 1001, not_after: order().not_after, key: first.key, added_by: 'operator:admin' },
    ],
    next: null,
  })
  t.match((await plane.operator.audit()).rows.filter(({ action }) => action === 'order.add').at(-1), {
    details: { sequence: 1001 },
  })
})

t.test('what is no order, or is for no target, is not kept', async (t) => {
  const { plane, order } = await open(t)
  const signed = signer.sign(order())
  const elsewhere = signer.sign(order({ target: { ...order().target, id: 'target-none' } }))
  const document = Buffer.from('{"order":1}').toString('base64')
  const refused: readonly (readonly [number, unknown])[] = [
    [400, {}],
    [400, { ...signed, also: 1 }],
    [400, { ...signed, signature: 'x' }],
    [400, { ...signed, document }],
    [400, { ...signed, document: `${signed.document}AAAA` }],
    [404, elsewhere],
  ]
  for (const [status, body] of refused)
    t.match(await plane.ask('POST', '/operator/v1/orders', plane.operatorToken, body), { status }, JSON.stringify(body))
  t.match(await plane.ask('POST', '/operator/v1/orders', await plane.operator.addOperator('ann', 'reader'), signed), {
    status: 403,
  })
  t.same((await plane.operator.part('orders', {})).rows, [])
})

t.test(
  'an agent that says order gets the order with each job of its target, and no other agent gets one',
  async (t) => {
    for (const features of [['order'], ['order', 'lease'], ['lease'], []])
      await t.test(features.join(' '), (t) => handedOut(t, features))
  },
)

async function handedOut(t: Test, features: readonly string[]): Promise<void> {
  const { plane, agent, order, certificateId, targetId } = await open(t)
  const signed = signer.sign(order())
  await plane.operator.addOrder(signed)
  await agent.post('/heartbeat', { features })
  const expected = features.includes('order') ? { ...signed, issuers: plane.caPem } : undefined
  const [deployment] = await agent.work()
  t.match(deployment, { type: 'Deployment', target_id: targetId })
  t.same(deployment?.['order'], expected, features.join(' '))
  await agent.post(`/jobs/${String(deployment?.['id'])}/status`, { status: 'Completed' })
  await plane.operator.renew(certificateId)
  const [csr] = await agent.work()
  t.match(csr, { status: 'AwaitingCSR' })
  t.same(csr?.['order'], expected, features.join(' '))
}

t.test('a CSR comes with the order that has its names, where its targets have several', async (t) => {
  const { plane, agent } = await open(t)
  await agent.post('/heartbeat', { features: ['order'] })
  const ids = await Promise.all(['a', 'b', 'c'].map((name) => addTargetCalled(plane, agent, name)))
  const signedFor = async (id: string, names: readonly string[]): Promise<SignedOrder> => {
    const signed = signer.sign(orderFor({ id, name: id, type: 'Postfix', config: {} }, { names }))
    await plane.operator.addOrder(signed)
    return signed
  }
  const orders = await Promise.all(ids.map((id) => signedFor(id, ['imap.example.net'])))
  const wanted = { agent_id: agent.id, common_name: 'imap.example.net', sans: ['pop.imap.example.net'], deploy_to: ids }
  await plane.operator.requestCertificate(wanted)
  const csr = async () => (await agent.work()).find(({ common_name: name }) => name === 'imap.example.net')

  const sent = (await csr())?.['order'] as SignedOrder | undefined
  t.ok(
    orders.some(({ document }) => document === sent?.document),
    'none has them all',
  )
  const fitting = signer.sign(
    orderFor(
      { id: ids[1] ?? '', name: 'b', type: 'Postfix', config: {} },
      { names: ['imap.example.net', '*.imap.example.net'], sequence: 2000 },
    ),
  )
  await plane.operator.addOrder(fitting)
  t.match((await csr())?.['order'], fitting)
})

t.test('an answer with long orders is one that an agent takes, and all jobs come in the end', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await agent.post('/heartbeat', { features: ['order', 'lease'] })
  const ids: string[] = []
  for (let count = 0; count < 70; count += 1) {
    const id = await addTargetCalled(plane, agent, `t${count}`)
    ids.push(id)
    // The limit of calls is one of time.
    plane.advance(200)
    const config = { cert_path: `/etc/${'a'.repeat(15_000)}` }
    await plane.operator.addOrder(signer.sign(orderFor({ id, name: id, type: 'Postfix', config })))
  }
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', deploy_to: ids }
  const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
  await agent.sendCsr(certificateId)
  const seen = new Set<unknown>()
  for (let polls = 0; polls < 6 && seen.size < ids.length; polls += 1) {
    const { body } = await agent.get('/work')
    t.ok(JSON.stringify(body).length < 1024 * 1024)
    for (const { target_id: id } of body['jobs'] as readonly Readonly<Record<string, unknown>>[]) seen.add(id)
  }

  t.equal(seen.size, ids.length)
})

async function addTargetCalled(plane: TestControlPlane, agent: TestAgent, name: string): Promise<string> {
  return plane.operator.addTarget({ name, agent_id: agent.id, type: 'Postfix', config: {} })
}

async function open(t: Test) {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const deployment = await deploymentFor(plane, agent)
  const target = { id: deployment.targetId, name: 'postfix', type: 'Postfix', config: { mode: 'postfix' } }
  return { plane, agent, ...deployment, order: (changes: Partial<StandingOrder> = {}) => orderFor(target, changes) }
}
