import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { openPostgres } from '../../../src/server/store/postgres/open-postgres.ts'
import { startPostgres } from '../../support/postgres.ts'

/** ReadyForQuery, of a session that is in no transaction. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

const postgres = await startPostgres(t, false)

t.test('a connection that is ended in the moment in which it is handed out ends no process', async (t) => {
  const proxy = await openProxy(t, new URL(await postgres.newDatabase()))
  const database = openPostgres(proxy.url)
  t.teardown(() => database.close())
  const ask = (): Promise<unknown> => database.transaction((inside) => inside.query('SELECT 1 AS one'))
  // As at `systemctl restart postgresql`: the end of the session comes in one piece with the answer that it is ready.
  proxy.endWhenReady(1)

  await t.rejects(ask(), { code: 'DATABASE_UNREACHABLE' })
  t.same(await ask(), [{ one: 1 }])

  proxy.endWhenReady(1)
  t.same(await database.query('SELECT 2 AS two'), [{ two: 2 }], 'the answer was there')
  t.equal(proxy.left(), 0)
  t.same(await ask(), [{ one: 1 }])
})

/** What stands between, and ends a session with `57P01` in the same piece as its next ReadyForQuery, so often. */
async function openProxy(t: Test, { pathname, searchParams }: URL) {
  let left = 0
  const server = createServer((client) => {
    const session = connect(`${searchParams.get('host')}/.s.PGSQL.5432`)
    client.pipe(session)
    client.on('error', () => session.destroy())
    session.on('error', () => client.destroy())
    session.on('close', () => client.destroy())
    session.on('data', (piece) => {
      if (left === 0 || !piece.subarray(-ready.length).equals(ready)) return client.write(piece)
      left -= 1
      client.end(Buffer.concat([piece, terminated()]))
      return session.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    url: `postgres://waxseal@127.0.0.1:${port}${pathname}`,
    endWhenReady: (times: number) => {
      left = times
    },
    left: () => left,
  }
}

/** An ErrorResponse as PostgreSQL sends it to sessions that it ends. */
function terminated(): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to administrator command', '']
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(''))
  const head = Buffer.from([0x45, 0, 0, 0, 0])
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
