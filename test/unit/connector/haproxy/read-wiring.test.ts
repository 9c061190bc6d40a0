import t from 'tap'
import { readHaproxyWiring } from '../../../../src/connector/haproxy/read-wiring.ts'
import type { Wiring } from '../../../../src/connector/wiring/wiring.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { recordedHost, wiringOf } from '../recorded-host.ts'

const authority = await makeAuthority()
const [pem, rsa, wild, wildRsa] = await Promise.all([
  issued('www.example.net'),
  issued('www.example.org only.test', 'rsa'),
  issued('*.example.org *.test'),
  issued('*.example.org', 'rsa'),
])
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

t.test('the PROXY header is wanted of each connection, of none, or of some: then nothing is proven', async (t) => {
  const wants = async (...rules: readonly string[]): Promise<unknown> => {
    const lines = rules.map((rule) => ` tcp-request connection ${rule}\n`).join('')
    const { listeners, doubts } = await read(`frontend a\n bind :443 ssl crt /s.pem\n${lines}`)
    t.same(doubts, [])
    return listeners.map(({ proxy, unproven, doubt }) => (unproven === true ? doubt : (proxy ?? 'none')))[0]
  }
  const some = 'Whether HAProxy expects the PROXY header depends on who connects.'

  t.equal(await wants('expect-proxy layer4'), 1)
  t.equal(await wants('reject if { src 192.0.2.1 }', 'expect-proxy layer4', 'accept if { src 192.0.2.2 }'), 1)
  t.equal(await wants('expect-proxy layer4 if { src 192.0.2.1 }'), some)
  t.equal(await wants('expect-proxy layer4 unless { src 192.0.2.1 }'), some)
  t.equal(await wants('accept if { src 192.0.2.1 }', 'expect-proxy layer4'), some)
  t.equal(await wants('accept', 'expect-proxy layer4'), 'none')
  t.equal(await wants('accept if { src 192.0.2.1 }'), 'none')
})

t.test('rules of a section are its own and those of its defaults, and none of another file', async (t) => {
  const more = '/etc/haproxy/more.cfg'
  const files = {
    [config]: {
      text: 'defaults d\n tcp-request connection expect-proxy layer4\ndefaults\nfrontend a from d\n bind :443 ssl crt /s.pem\nfrontend b\n bind :444 ssl crt /s.pem\n',
      mode: 0o644,
    },
    [more]: {
      text: 'global\nbackend x\nfrontend c\n tcp-request connection expect-proxy layer4\n bind :445 ssl crt /s.pem\n',
      mode: 0o644,
    },
    '/s.pem': { text: pem, mode: 0o600 },
  }
  const host = recordedHost({ [`haproxy -c -f ${config} -f ${more}`]: '' }, files)

  const { listeners } = await wiringOf(readHaproxyWiring(host, [config, more]))

  t.same(
    listeners.flatMap(({ port, servername, proxy }) => (servername === null ? [[port, proxy]] : [])),
    [
      [443, 1],
      [444, undefined],
      [445, 1],
    ],
  )
})

t.test(
  'a section that is disabled, by itself or by its defaults, listens nowhere, and its files are named',
  async (t) => {
    const portsOf = async (text: string): Promise<readonly unknown[]> => {
      const { listeners, named } = await read(text)
      t.same(named, ['/s.pem'])
      return [...new Set(listeners.map(({ host, port }) => `${host}:${port}`))]
    }

    t.same(
      await portsOf(
        'frontend a\n disabled\n bind 127.0.0.1:443 ssl crt /s.pem\nfrontend b\n bind :443 ssl crt /s.pem\nlisten c\n bind :444 ssl crt /s.pem\n disabled\n',
      ),
      ['127.0.0.1:443'],
    )
    t.same(
      await portsOf(
        'defaults off\n disabled\nfrontend a\n bind :443 ssl crt /s.pem\nlisten b\n enabled\n bind :444 ssl crt /s.pem\ndefaults on\nfrontend c from off\n bind :445 ssl crt /s.pem\nfrontend d\n bind :446 ssl crt /s.pem\ndefaults other from off\nfrontend e from other\n bind :447 ssl crt /s.pem\npeers f\n bind :448 ssl crt /s.pem\n',
      ),
      ['127.0.0.1:444', '127.0.0.1:446', '127.0.0.1:448'],
    )
    t.match(await read('frontend a\n bind :443 ssl crt /s.pem\n.if defined(X)\n disabled\n.endif\n'), {
      listeners: [],
      doubts: [/between \.if and \.endif/],
    })
  },
)

t.test(
  'a line of a list that only leaves names out answers for no name, and for all others where it is the first',
  async (t) => {
    const lines = async (loads: string): Promise<readonly string[]> => {
      const { listeners, named } = await read(`frontend a\n bind :443 ssl ${loads}\n`)
      t.same(named.toSorted(), ['/rsa.pem', '/s.pem'])
      return listeners.map(shown)
    }

    t.same(await lines('crt /s.pem crt-list /negative'), ['- /s.pem', 'www.example.net /s.pem', 'other.test /s.pem'])
    t.same(await lines('crt-list /negative crt /s.pem'), [
      '- /rsa.pem',
      'www.example.net /s.pem',
      'other.test /rsa.pem',
    ])
    t.same(await lines('crt-list /negative crt /s.pem strict-sni'), ['www.example.net /s.pem'])
  },
)

t.test(
  'of a folder each file is loaded, by name, and none of a folder in it; else the pairs of a bundle',
  async (t) => {
    const linesOf = async (crt: string): Promise<readonly string[]> => {
      const { listeners, doubts } = await read(`frontend a\n bind :443 ssl crt ${crt}\n`)
      t.same(doubts, [])
      return listeners.map(shown)
    }

    t.same(await linesOf('/both'), [
      '- /both/site.pem',
      'www.example.net /both/site.pem',
      'www.example.org /both/site.pem.rsa',
      'only.test /both/site.pem.rsa',
    ])
    t.same(await linesOf('/both/site.pem'), ['- /both/site.pem', 'www.example.net /both/site.pem'])
    t.same(await linesOf('/both/sub/c.pem'), [
      '- /both/sub/c.pem.rsa',
      'www.example.org /both/sub/c.pem.rsa',
      'only.test /both/sub/c.pem.rsa',
    ])
  },
)

t.test(
  'a name and the wildcard above it answer together, the first pair of each key type, unless a filter leaves it out',
  async (t) => {
    const readBy = async (loads: string): Promise<readonly string[]> =>
      (await read(`frontend a\n bind :443 ssl ${loads}\n`)).listeners.map(shown)

    t.same(await readBy('crt /rsa.pem crt /wild-rsa.pem crt /wild.pem'), [
      '- /rsa.pem',
      'www.example.org /rsa.pem /wild.pem',
      'only.test /rsa.pem /wild.pem',
      '*.example.org /wild-rsa.pem /wild.pem',
      '*.test /wild.pem',
    ])
    t.same(await readBy('crt /s.pem crt /folder'), [
      '- /s.pem',
      'www.example.net /s.pem',
      '*.example.org /folder/a.pem',
      '*.test /folder/a.pem',
      'www.example.org /folder/b.pem /folder/a.pem',
      'only.test /folder/b.pem /folder/a.pem',
    ])
    t.same(await readBy('crt /rsa.pem crt-list /filtered'), [
      '- /rsa.pem',
      'www.example.org /rsa.pem',
      'only.test /rsa.pem',
      '*.example.org /wild.pem /wild-rsa.pem',
      'ftp.example.org /wild-rsa.pem',
      'none.example.org /rsa.pem',
    ])
  },
)

function shown({ servername, files }: Wiring['listeners'][number]): string {
  return [servername ?? '-', ...files.map(({ path }) => path)].join(' ')
}

async function issued(names: string, keyType: 'rsa' | 'ecdsa' = 'ecdsa'): Promise<string> {
  const { keyPem, certificatePem } = await authority.issue({ names: names.split(' '), keyType })
  return certificatePem + keyPem
}

function read(text: string): Promise<Wiring> {
  const files = {
    [config]: { text, mode: 0o644 },
    '/s.pem': { text: pem, mode: 0o600 },
    '/rsa.pem': { text: rsa, mode: 0o600 },
    '/wild.pem': { text: wild, mode: 0o600 },
    '/wild-rsa.pem': { text: wildRsa, mode: 0o600 },
    '/folder/a.pem': { text: wild, mode: 0o600 },
    '/folder/b.pem': { text: rsa, mode: 0o600 },
    '/both/site.pem': { text: pem, mode: 0o600 },
    '/both/site.pem.rsa': { text: rsa, mode: 0o600 },
    '/both/site.pem.ocsp': { text: 'no PEM', mode: 0o600 },
    '/both/sub/c.pem.rsa': { text: rsa, mode: 0o600 },
    '/negative': { text: '/rsa.pem !other.test\n', mode: 0o644 },
    '/filtered': {
      text: '/wild.pem *.example.org !www.example.org !ftp.example.org !none.example.org\n/wild-rsa.pem *.example.org !none.example.org\n',
      mode: 0o644,
    },
    '/torn.pem': { text: pem.slice(0, 200), mode: 0o600 },
    '/star': { text: '/s.pem *\n', mode: 0o644 },
  }
  return wiringOf(readHaproxyWiring(recordedHost({ [`haproxy -c -f ${config}`]: '' }, files), [config]))
}
