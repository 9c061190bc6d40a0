import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import type { Certificate, Material } from '../../../src/material/material.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import type { Plan } from '../../../src/plan/plan.ts'
import { adviseOnNames } from '../../../src/policy/advise-on-names.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { opensslPki } from '../../support/openssl-pki.ts'

const dir = await makeTemporaryFolder('waxseal-names-')
t.teardown(() => removeTree(dir))
const make = opensslPki(dir)
const authority = await (await makeAuthority()).intermediate()
const refusing = { unrelatedNames: 'refuse', uncoveredNames: 'warn' } as const
const covering = { unrelatedNames: 'refuse', uncoveredNames: 'refuse' } as const

const spellings = [
  'mail.example.net',
  'MAIL.Example.NET',
  '*.example.net',
  'example.net',
  'a.mail.example.net',
  'xn--bcher-kva.example',
  '*.shop.test',
  'a.shop.test',
  'shop.test',
]
const byName = new Map(await Promise.all(spellings.map(async (name) => [name, await materialOf(name)] as const)))

t.test('a certificate that shares no name with the live one is refused, with both lists', async (t) => {
  const web = await materialOf('www.example.net', 'example.net')

  t.throws(() => adviseOnNames(planOf(), web, leafOf('mail.example.net'), refusing), {
    code: 'NAMES_UNRELATED',
    host: 'untouched',
    details: {
      names: ['www.example.net', 'example.net'],
      live: ['mail.example.net'],
      setting: 'policy.unrelated_names',
    },
  })
})

t.test('that a probe asks for a name of the new certificate makes it no kin', async (t) => {
  const look = { host: '127.0.0.1', port: 25, protocol: 'smtp', keyType: null, timeoutMs: 1000 } as const
  const plan = { ...planOf(), probes: [{ ...look, servername: 'a.shop.test' }] }

  t.throws(() => adviseOnNames(plan, byName.get('a.shop.test') ?? fail(), leafOf('mail.example.net'), refusing), {
    code: 'NAMES_UNRELATED',
  })
})

t.test('where the policy allows it, it is a warning', async (t) => {
  const policy = { ...refusing, unrelatedNames: 'warn' } as const

  t.match(adviseOnNames(planOf(), await materialOf('www.example.net'), leafOf('mail.example.net'), policy), [
    /shares no name with the live one, which is for mail\.example\.net/,
    /does not cover mail\.example\.net/,
  ])
})

t.test('a name is shared in any case, with a dot at its end, and by a wildcard of either side', async (t) => {
  const related: readonly (readonly [live: string, renewed: string])[] = [
    ['mail.example.net', 'MAIL.Example.NET'],
    ['*.example.net', 'mail.example.net'],
    ['mail.example.net', '*.example.net'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ]

  for (const [live, renewed] of related)
    t.doesNotThrow(() => adviseOnNames(planOf(), byName.get(renewed) ?? fail(), leafOf(live), refusing), live)
  const apart: readonly (readonly [live: string, renewed: string])[] = [
    ['*.example.net', 'example.net'],
    ['*.example.net', 'a.mail.example.net'],
    ['example.net', '*.example.net'],
  ]
  for (const [live, renewed] of apart)
    t.throws(() => adviseOnNames(planOf(), byName.get(renewed) ?? fail(), leafOf(live), refusing), {
      code: 'NAMES_UNRELATED',
    })
})

t.test('the first real certificate takes the place of a self-signed one of any name', async (t) => {
  const snakeOil = certificateOf(make({ subject: '/CN=debian', extensions: ['subjectAltName=DNS:debian'] }))

  t.doesNotThrow(() => adviseOnNames(planOf(), byName.get('mail.example.net') ?? fail(), snakeOil, refusing))
  t.same(adviseOnNames(planOf(), byName.get('mail.example.net') ?? fail(), null, refusing), [])
})

t.test('a name that a listener is asked for is a name of the host', async (t) => {
  const plan = planOf('www.example.net')

  t.match(adviseOnNames(plan, await materialOf('www.example.net'), leafOf('mail.example.net'), refusing), [
    /does not cover mail\.example\.net/,
  ])
})

t.test('names of listeners are to be covered, patterns by themselves alone', async (t) => {
  const wanted = { code: 'NAME_NOT_COVERED', details: { names: ['*.shop.test'], setting: 'policy.uncovered_names' } }

  for (const name of ['mail.example.net', 'a.shop.test', 'shop.test'])
    t.throws(() => adviseOnNames(planOf('*.shop.test'), byName.get(name) ?? fail(), null, covering), wanted, name)
  t.same(adviseOnNames(planOf('*.shop.test'), byName.get('*.shop.test') ?? fail(), null, covering), [])
  t.same(adviseOnNames(planOf('a.shop.test'), byName.get('*.shop.test') ?? fail(), null, covering), [])
})

t.test('a listener may be asked for a name as people write it', async (t) => {
  const plan = planOf('bücher.example', 'Bücher.Example.')

  t.same(adviseOnNames(plan, byName.get('xn--bcher-kva.example') ?? fail(), null, covering), [])
})

function leafOf(name: string): Certificate {
  return (byName.get(name) ?? fail()).leaf
}

function fail(): never {
  throw new Error('no such material')
}

function certificateOf({ certificatePem }: { readonly certificatePem: string }): Certificate {
  return parseCertificates(certificatePem)[0] ?? fail()
}

async function materialOf(...names: readonly string[]): Promise<Material> {
  return parseMaterial({ ...(await authority.issue({ names })), now: new Date() })
}

/** One whose listeners are asked for these names. */
function planOf(...names: readonly string[]): Plan {
  return {
    connector: 'postfix',
    service: 'postfix',
    files: [],
    check: null,
    activate: [],
    recover: [],
    probes: [],
    unverified: null,
    wiring: { read: [], unread: [], untold: [], doubts: [], names },
    retry: { attempts: 1, initialMs: 1, maxMs: 1 },
    generation: null,
    backupRetention: 3,
  }
}
