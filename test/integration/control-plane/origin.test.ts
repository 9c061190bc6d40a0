import t from 'tap'
import { Agent, request } from 'undici'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { newCsr } from '../../support/csr.ts'
import { type Exchange, exchanges, startOriginServer } from '../../support/origin-server.ts'

const dir = await makeTemporaryFolder('waxseal-origin-')
const origin = await startOriginServer(dir)
const client = new Agent({ connect: { ca: origin.caPem } })
t.teardown(async () => {
  await client.destroy()
  await origin.close()
  await removeTree(dir)
})

const operator = origin.addKey('operator')
const target = origin.addTarget({
  type: 'Postfix',
  config: {
    mode: 'postfix',
    key_path: '/etc/postfix/certs/key.pem',
    cert_path: '/etc/postfix/certs/cert.pem',
    chain_path: '/etc/postfix/certs/chain.pem',
    key_file_mode: 384,
    cert_file_mode: 420,
    key_file_group: 'postfix',
    key_file_owner: 'root',
    reload_command: 'postfix reload',
    cert_file_owner: 'root',
    backup_retention: 3,
    validate_command: 'postfix check',
    post_deploy_verify: { enabled: true, timeout: 5_000_000_000, endpoint: '127.0.0.1:465' },
    post_deploy_verify_attempts: 3,
  },
})
const known: Record<string, string> = { target }

t.test('the server of the tests answers as it was recorded, from a registration to a deployment', async (t) => {
  known['agent'] = String((await ask('register', operator))['id'])
  const key = origin.addKey('agent')
  await ask('heartbeat', key)
  await ask('no work', key)
  known['certificate'] = origin.request(known['agent'], { commonName: 'mail.test', sans: ['mail.test', 'localhost'] }, [
    target,
  ])
  known['issuance'] = origin.jobs.at(-1)?.id ?? ''
  await ask('a CSR is wanted', key)
  const csr_pem = await newCsr(['mail.test', 'localhost'])
  for (const _ of ['first', 'again']) await ask('CSR', key, { csr_pem, certificate_id: known['certificate'] })
  known['job'] = origin.jobs.at(-1)?.id ?? ''
  await ask('a deployment', key)
  await ask('no work', key)
  await ask('status', key)
  await ask('verification with a larger role', operator)
  await ask('discovery', key)
  const certificate = await ask('certificate', key)
  t.match(certificate['certificate_pem'], /^-----BEGIN CERTIFICATE-----[^]+-----BEGIN CERTIFICATE-----/)

  async function ask(name: string, credential: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const exchange = exchanges.find((one) => one.name === name)
    if (exchange === undefined) throw new Error(name)
    const { status, answer } = await send(exchange, credential, body)
    t.equal(status, exchange.status, name)
    if (name === 'register') known['agent'] = String(answer['id'])
    t.same(shapeOf(answer), shapeOf(filled(exchange.answer)), name)
    return answer
  }
})

const refusals: readonly (readonly [string, () => string])[] = [
  ['register, name taken', () => operator],
  ['register, role too small', () => origin.addKey('agent')],
  ['status of an unknown job', () => origin.addKey('agent')],
  ["verification with the agents' role", () => origin.addKey('agent')],
  ['verification, nothing seen', () => operator],
  ['discovery with nothing', () => operator],
  ['work of an unknown agent', () => operator],
  ['heartbeat of an unknown agent', () => operator],
  ['a wrong key', () => 'wrong'],
]
for (const [name, credential] of refusals)
  t.test(`it refuses as it was recorded: ${name}`, async (t) => {
    const exchange = exchanges.find((one) => one.name === name)
    if (exchange === undefined) throw new Error(name)

    const { status, answer } = await send(exchange, credential())

    t.same([status, answer], [exchange.status, exchange.answer])
  })

t.test('it refuses as it was recorded: with a token, after a retirement', async (t) => {
  origin.wantToken()
  origin.retire(known['agent'] ?? '')

  for (const name of [
    'register, token and key both wanted',
    'heartbeat of a retired agent',
    'work of a retired agent',
  ]) {
    const exchange = exchanges.find((one) => one.name === name)
    if (exchange === undefined) throw new Error(name)
    const { status, answer } = await send(exchange, operator)
    t.same([status, answer], [exchange.status, exchange.answer], name)
  }
})

async function send({ method, path, body }: Exchange, credential: string, instead?: object) {
  const answer = await request(origin.url + filled(path), {
    method,
    dispatcher: client,
    headers: { authorization: `Bearer ${credential}` },
    body: method === 'GET' ? null : JSON.stringify(filled(instead ?? body ?? {})),
  })
  return { status: answer.statusCode, answer: (await answer.body.json()) as Readonly<Record<string, unknown>> }
}

function filled<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll(/\{(\w+)\}/g, (whole, id: string) => known[id] ?? whole)) as T
}

/** PEM and times are others each time: they have their form. */
function shapeOf(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll(/"(\(|-----BEGIN)[^"]*"/g, '"PEM"')
      .replaceAll(/"(\{time\}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)"/g, '"TIME"'),
  )
}
