import t from 'tap'
import type { Probe } from '../../../src/plan/plan.ts'
import { SharedLooks } from '../../../src/verify/shared-looks.ts'

function probeAt(host: string, port: number, servername: string): Probe {
  return { host, port, protocol: 'tls', servername, keyType: null, timeoutMs: 1000 }
}

t.test('the names of one address share its watch, and its sockets are counted once', async (t) => {
  const counted: string[] = []
  const shared = new SharedLooks(async ({ host, port }) => {
    counted.push(`${host} ${port}`)
    return 2
  })

  shared.watchOf(probeAt('127.0.0.1', 443, 'one.example.net')).note()
  const sockets = await Promise.all(
    ['one.example.net', 'two.example.net'].map((name) => shared.socketsAt(probeAt('127.0.0.1', 443, name))),
  )
  await shared.socketsAt(probeAt('::1', 443, 'one.example.net'))

  t.equal(shared.watchOf(probeAt('127.0.0.1', 443, 'two.example.net')).agreed, 1)
  t.equal(shared.watchOf(probeAt('127.0.0.1', 444, 'two.example.net')).agreed, 0)
  t.same(sockets, [2, 2])
  t.same(counted, ['127.0.0.1 443', '::1 443'])
})

t.test('sockets that cannot be counted are none', async (t) => {
  const shared = new SharedLooks(() => Promise.reject(new Error('no table')))
  t.equal(await shared.socketsAt(probeAt('127.0.0.1', 443, 'one.example.net')), 0)
})
