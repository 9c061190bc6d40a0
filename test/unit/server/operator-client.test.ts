import t from 'tap'
import { openOperator } from '../../../src/server/client/operator-client.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { type Handler, json, startHttpsServer } from '../../support/https-server.ts'

const authority = await makeAuthority()
const server = await startHttpsServer(await authority.issue({ names: [], ips: ['127.0.0.1'] }))
const operator = openOperator({ url: server.url, caPem: authority.certificatePem, operatorToken: 'wxo_one' })
t.teardown(async () => {
  await operator.close()
  await server.close()
})

const html =
  (status: number): Handler =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html>a proxy says no</html>')
  }

t.test('what a proxy answers is told with its status', async (t) => {
  server.answer(html(502))

  await t.rejects(operator.agents(), {
    code: 'CONTROL_PLANE_REFUSED',
    details: { status: 502, answer: '<html>a proxy says no</html>' },
  })
})

t.test('an answer that is no JSON, or is cut off, is none', async (t) => {
  server.answer(html(200))
  await t.rejects(operator.agents(), { code: 'CONTROL_PLANE_UNREACHABLE', details: { reason: /no JSON/ } })

  server.answer((_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{"agents":', () => response.destroy())
  })
  await t.rejects(operator.agents(), { code: 'CONTROL_PLANE_UNREACHABLE' })
})

t.test('a refusal says what the control plane says', async (t) => {
  server.answer(json(409, { error: 'this name is taken' }))

  await t.rejects(operator.agents(), {
    code: 'CONTROL_PLANE_REFUSED',
    details: { status: 409, answer: 'this name is taken' },
  })
})
