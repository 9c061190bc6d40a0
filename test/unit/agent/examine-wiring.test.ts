import t from 'tap'
import { examineWiring } from '../../../src/agent/examine-wiring.ts'
import type { Listener } from '../../../src/connector/wiring.ts'

const cert = '/etc/postfix/certs/cert.pem'
const key = '/etc/postfix/certs/key.pem'
const files = [
  { path: cert, role: 'certificate' },
  { path: key, role: 'key' },
] as const
const listeners = ['127.0.0.1', '::1'].map(
  (host): Listener => ({ name: 'smtp', host, port: 25, protocol: 'smtp', servername: null, files }),
)

t.test('listeners whose files are there are counted', async (t) => {
  const finding = await examineWiring('postfix', { listeners }, { exists: async () => true })

  t.match(finding, { what: 'wiring of postfix', verdict: 'ok', detail: '2 TLS listeners' })
})

t.test('a file that a listener is to read and that is not there is named, once', async (t) => {
  const finding = await examineWiring('postfix', { listeners }, { exists: async (path) => path !== key })

  t.match(finding, { verdict: 'warning', detail: `it is to read ${key}, which is not there` })
  t.notMatch(finding.detail, cert)
})

t.test('a daemon that is not there is well, and one without TLS is not', async (t) => {
  const host = { exists: async () => true }

  t.match(await examineWiring('exim', null, host), { verdict: 'ok', detail: /not installed here/ })
  t.match(await examineWiring('exim', { listeners: [] }, host), { verdict: 'warning', detail: /docs\/wiring\.md/ })
})
