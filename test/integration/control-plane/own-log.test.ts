import t from 'tap'
import { openLog } from '../../../src/log/open-log.ts'
import { breakDatabase, openTestControlPlane } from '../../support/control-plane.ts'
import { hostileText, rawCharacter } from '../../support/hostile-text.ts'

const facts = { name: 'mail-1', hostname: 'mail' }

t.test('the log has the cause of each 500, which the client is not told', async (t) => {
  const { plane, lines } = await open(t)
  await breakDatabase(plane, 'DROP TABLE token')

  const answer = await plane.ask('POST', '/api/v1/agents', 'wxt_secret-token', facts)

  t.match(answer, { status: 500, body: { error: 'an error in the control plane', request_id: 'req-1' } })
  // What the server does by itself may meet the broken database, too.
  const failed = lines.filter(({ level, request }) => level === 50 && request !== undefined)
  t.match(failed, [
    { request: 'req-1', call: 'POST /api/v1/agents', status: 500, reason: /no such table: token[^]*authenticate/ },
  ])
  t.equal(failed.length, 1)
})

t.test('a request that is refused is a line without credential, body, query or the name of anything', async (t) => {
  const { plane, lines } = await open(t)
  const secret = 'wxa_0123456789'
  await plane.ask('GET', `/api/v1/agents/${secret}/work?token=${secret}`, secret)
  await plane.ask('GET', `/${secret}`, secret)
  await plane.ask('GET', `/%${secret}`, secret)
  await plane.ask('POST', '/api/v1/agents', secret, { ...facts, name: hostileText, api_key: secret })
  await plane.operator.agents()

  const refused = lines.filter(({ msg }) => msg === 'request').map(({ level, call, status }) => [level, call, status])
  t.same(refused.slice(0, 2), [
    [30, 'GET /api/v1/agents/:id/work', 401],
    [30, 'GET (no such call)', 404],
  ])
  t.match(refused.at(-1), [20, 'GET /operator/v1/agents', 200], 'what went well is for those who look closely')
  t.notMatch(JSON.stringify(lines), secret)
  t.notMatch(JSON.stringify(lines), rawCharacter)
})

async function open(t: Parameters<typeof openTestControlPlane>[0]) {
  const lines: Record<string, unknown>[] = []
  const write = (text: string): void => void lines.push(JSON.parse(text) as Record<string, unknown>)
  const log = await openLog({ level: 'debug', form: 'other', colours: false, write })
  return { lines, plane: await openTestControlPlane(t, { log }) }
}
