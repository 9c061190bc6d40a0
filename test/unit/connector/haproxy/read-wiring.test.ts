import t from 'tap'
import { readHaproxyWiring } from '../../../../src/connector/haproxy/read-wiring.ts'
import type { Wiring } from '../../../../src/connector/wiring/wiring.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { recordedHost, wiringOf } from '../recorded-host.ts'

const authority = await makeAuthority()
const pem = (await authority.issue({ names: ['www.example.net'] })).certificatePem
const config = '/etc/haproxy/haproxy.cfg'

t.test(
  'paths that only HAProxy knows are told: of a store, of its working directory, of its environment',
  async (t) => {
    for (const [crt, doubt] of [
      ['@web/site', /a store/],
      ['site.pem', /working directory/],
      ['"$DIR/site.pem"', /environment/],
    ] as const)
      t.match((await read(`frontend a\n bind :443 ssl crt ${crt}\n`)).doubts, [doubt], crt)
  },
)

t.test('a list that is not there, a certificate that is none, names of "*" and ssl-f-use are told', async (t) => {
  t.match((await read('frontend a\n bind :443 ssl crt-list /nowhere\n')).doubts, [/crt-list/])
  t.match((await read('frontend a\n bind :443 ssl crt /s.pem crt-list /star\n')).doubts, [/"\*"/])
  t.match((await read('frontend a\n ssl-f-use crt /s.pem\n')).doubts, [/ssl-f-use/])
  t.match((await read('frontend a\n bind :443 ssl crt /torn.pem\n')).listeners, [
    { servername: null, files: [{ path: '/torn.pem' }] },
  ])
})

t.test('a file that cannot be read, or is too large, is a doubt and no failure', async (t) => {
  const host = recordedHost({ [`haproxy -c -f ${config}`]: '' })
  const closed = { ...host, readFile: async () => Promise.reject(new Error('EACCES')) }

  const wiring = await wiringOf(readHaproxyWiring(closed, [config]))

  t.match(wiring, { listeners: [], doubts: [/configuration of HAProxy cannot be read/] })
})

t.test('a frontend that expects the PROXY header on each connection wants it', async (t) => {
  const { listeners } = await read(
    'frontend a\n bind :443 ssl crt /s.pem\n tcp-request connection expect-proxy layer4\nfrontend b\n bind :444 ssl crt /s.pem\n tcp-request connection expect-proxy layer4 if { src 192.0.2.1 }\n',
  )

  t.same(
    listeners.flatMap(({ port, servername, proxy }) => (servername === null ? [[port, proxy]] : [])),
    [
      [443, 1],
      [444, undefined],
    ],
  )
})

function read(text: string): Promise<Wiring> {
  const files = {
    [config]: { text, mode: 0o644 },
    '/s.pem': { text: pem, mode: 0o600 },
    '/torn.pem': { text: pem.slice(0, 200), mode: 0o600 },
    '/star': { text: '/s.pem *\n', mode: 0o644 },
  }
  return wiringOf(readHaproxyWiring(recordedHost({ [`haproxy -c -f ${config}`]: '' }, files), [config]))
}
