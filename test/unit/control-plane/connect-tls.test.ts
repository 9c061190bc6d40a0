import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openSend } from '../../../src/control-plane/request.ts'
import { type KeyKind, type OpensslPair, openOpensslPairs } from '../../support/openssl-pairs.ts'

const issue = await openOpensslPairs(t)

/** An HTTPS server on localhost that says `{}`; its port. */
async function serve(t: Test, pair: OpensslPair): Promise<number> {
  const server = createServer({ cert: pair.certificatePem + pair.chainPem, key: pair.keyPem }, (_, response) => {
    response.end('{}')
  })
  await once(server.listen(0, 'localhost'), 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

async function ask(t: Test, port: number, ca: OpensslPair): Promise<unknown> {
  const { send, close } = openSend({ url: `https://localhost:${port}`, ca: ca.certificatePem, credential: 'c' })
  t.teardown(close)
  return send({ method: 'GET', path: '/' })
}

for (const kind of ['P-256', 'brainpoolP256r1', 'secp256k1', 'prime239v1'] as const satisfies readonly KeyKind[]) {
  t.test(`a control plane below a CA of ${kind} is talked to`, async (t) => {
    const ca = await issue(kind, { name: 'CA' })
    const port = await serve(t, await issue('P-256', { name: 'localhost', issuer: ca }))

    t.same(await ask(t, port, ca), {})
  })

  t.test(`below a CA of ${kind}, a control plane with another name is not`, async (t) => {
    const ca = await issue(kind, { name: 'CA' })
    const port = await serve(t, await issue('P-256', { name: 'other.example.net', issuer: ca }))

    await t.rejects(ask(t, port, ca), { code: 'CONTROL_PLANE_UNREACHABLE', details: { reason: /altnames/ } })
  })
}
