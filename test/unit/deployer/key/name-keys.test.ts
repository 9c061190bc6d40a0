import t from 'tap'
import type { Keyring } from '../../../../src/deployer/key/keyrings.ts'
import { nameKey } from '../../../../src/deployer/key/name-keys.ts'

const asked = (spkiSha256: string) => ({ spkiSha256, jobId: 'job', at: 1 })
const ring: Keyring = { commonName: 'mail.example.net', asked: [asked('c'), asked('b')], next: 'd', tlsa: ['b', 'e'] }
const other: Keyring = { commonName: 'web.example.net', asked: [asked('b')], next: null, tlsa: ['d'] }
const record = { target: 'target-1', certificate: { spkiSha256: 'b' } } as unknown as Parameters<
  typeof nameKey
>[1][number]

t.test('a key is what keeps it longest, with each certificate that names it', async (t) => {
  const named = (spki: string) => nameKey(spki, [record], [ring, other])

  t.same(named('b'), { use: 'current', certificates: ['mail.example.net', 'web.example.net'], targets: ['target-1'] })
  t.same(named('c'), { use: 'asked for', certificates: ['mail.example.net'], targets: [] })
  t.same(named('d'), { use: 'next', certificates: ['mail.example.net', 'web.example.net'], targets: [] })
  t.same(named('e'), { use: 'published', certificates: ['mail.example.net'], targets: [] })
  t.same(named('f'), { use: 'unused', certificates: [], targets: [] })
  t.equal(nameKey('b', [], [ring]).use, 'before')
})
