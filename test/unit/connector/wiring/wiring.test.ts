import t from 'tap'
import { reachable, unwiredBy } from '../../../../src/connector/wiring/wiring.ts'

const both = ['127.0.0.1', '::1']

t.test('what daemons write for their addresses is met at addresses', async (t) => {
  t.same(reachable(['127.0.0.1', '[::1]'], both), both)
  t.same(reachable(['ALL'], both), both)
  t.same(reachable(['Loopback-Only'], both), both)
  t.same(reachable(['*', '::'], both), both)
  t.same(reachable(['::0'], both), ['::1'])
  t.same(reachable(['[::]'], ['127.0.0.1']), [])
  t.same(reachable(['mx.example.net', ''], both), ['mx.example.net'])
})

t.test('what a daemon says of its broken settings is told, and nothing that may be key material', async (t) => {
  const line = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwxhjV84JYEksSjFL'
  const output = `ssl_key = -----BEGIN PRIVATE KEY-----\n${line}\nFatal: Error in line 5: unknown ${line}\n`

  const { reason, said } = unwiredBy('doveconf', { exitCode: 89, stdout: '', output, isMissing: false })

  t.equal(said, 'Fatal: Error in line 5: unknown …')
  t.equal(reason, 'doveconf could not tell its settings: it ended with 89. waxseal check shows what it printed.')
})
