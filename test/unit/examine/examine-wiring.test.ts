import t from 'tap'
import type { Listener, Wiring } from '../../../src/connector/wiring/wiring.ts'
import { type AskedWiring, examineWiring } from '../../../src/examine/examine-wiring.ts'

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
  const finding = await examineWiring(asked({ listeners }), { exists: async () => true })

  t.match(finding, { what: 'wiring of postfix', verdict: 'ok', detail: '2 TLS listeners' })
})

t.test('a file that a listener is to read and that is not there is named, once', async (t) => {
  const finding = await examineWiring(asked({ listeners }), { exists: async (path) => path !== key })

  t.match(finding, { verdict: 'warning', detail: `it is to read ${key}, which is not there` })
  t.notMatch(finding.detail, cert)
})

t.test('a daemon that is not there is well, and one without TLS is not', async (t) => {
  const host = { exists: async () => true }
  const missing = { unwired: 'not installed', reason: 'exim4 is not on this host.' } as const

  t.match(await examineWiring({ connector: 'exim', found: missing }, host), { verdict: 'ok', detail: /not installed/ })
  t.match(await examineWiring(asked({ listeners: [] }), host), { verdict: 'warning', detail: /docs\/wiring\.md/ })
})

t.test('a configuration that its daemon refuses is not a daemon that is not installed', async (t) => {
  const broken = {
    unwired: 'broken',
    reason: 'doveconf could not tell its settings: Unknown setting: ssl_cert',
  } as const

  const finding = await examineWiring({ connector: 'dovecot', found: broken }, { exists: async () => true })

  t.match(finding, { verdict: 'failed', detail: /Unknown setting: ssl_cert/ })
})

t.test('a daemon that may not be asked from here is a warning, with the way out', async (t) => {
  const denied = { unwired: 'denied', reason: 'This process may not bind to 0.0.0.0:443.' } as const

  const finding = await examineWiring({ connector: 'nginx', found: denied }, { exists: async () => true })

  t.match(finding, { verdict: 'warning', detail: /may not bind/ })
  t.notMatch(finding.detail, /Mend/)
})

t.test('what cannot be told is said', async (t) => {
  const doubts = ['inline: is a table that cannot be read.']

  const finding = await examineWiring(asked({ listeners, doubts }), { exists: async () => true })

  t.match(finding, { verdict: 'warning', detail: /inline: is a table that cannot be read/ })
})

t.test('what may break at a reload is said', async (t) => {
  const warnings = ['Dovecot may lose its ports at [::1] at a reload.']

  const finding = await examineWiring(asked({ listeners, warnings }), { exists: async () => true })

  t.match(finding, { verdict: 'warning', detail: `2 TLS listeners. ${warnings[0]}` })
})

t.test('a listener that cannot be judged from here is told with the others, once', async (t) => {
  const doubt = 'STARTTLS is not offered to 127.0.0.1: smtpd_discard_ehlo_keyword_address_maps.'
  const doubted = listeners.map((listener) => ({ ...listener, doubt }))

  const finding = await examineWiring(asked({ listeners: doubted }), { exists: async () => true })

  t.match(finding, { verdict: 'warning', detail: `2 TLS listeners. ${doubt}` })
})

function asked(wiring: Partial<Wiring>): AskedWiring {
  return { connector: 'postfix', found: { listeners: [], maps: [], named: [], doubts: [], ...wiring } }
}
