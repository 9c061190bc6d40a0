import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { arrangeChain, isSelfSigned } from '../../../src/material/arrange-chain.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { ca, type OddPair, opensslPki, san } from '../../support/openssl-pki.ts'

const dir = await makeTemporaryFolder('waxseal-chain-')
t.teardown(() => removeTree(dir))
const make = opensslPki(dir)
const root = make({ subject: '/CN=Test Root', extensions: ca })
const otherRoot = make({ subject: '/CN=Other root', extensions: ca })
const upper = make({ by: root, subject: '/CN=Upper', extensions: ca })
const crossed = make({ by: otherRoot, subject: '/CN=Upper', extensions: ca, keyOf: upper })
const lower = make({ by: upper, subject: '/CN=Lower', extensions: ca })
const leaf = make({ by: lower, extensions: [san] })

t.test('an order in which each has issued an earlier one stays', async (t) => {
  t.same(arranged(leaf, lower, upper), { ids: [leaf, lower, upper], isReordered: false })
  t.same(arranged(leaf, lower, upper, root), { ids: [leaf, lower, upper, root], isReordered: false }, 'with a root')
  t.same(arranged(leaf, lower, upper, crossed), { ids: [leaf, lower, upper, crossed], isReordered: false })
  t.same(arranged(leaf, lower, crossed, upper, otherRoot, root).isReordered, false, 'two ways up')
})

t.test('the same certificate is there once, wherever it is repeated', async (t) => {
  t.same(arranged(leaf, leaf, lower, lower, upper, lower), { ids: [leaf, lower, upper], isReordered: false })
  t.same(arranged(leaf, lower, upper, leaf, lower, upper), { ids: [leaf, lower, upper], isReordered: false })
  t.same(arranged(leaf, leaf), { ids: [leaf], isReordered: false })
})

t.test('a chain behind its leaf is sorted', async (t) => {
  t.same(arranged(leaf, root, upper, lower), { ids: [leaf, lower, upper, root], isReordered: true })
  t.same(arranged(leaf, upper, lower), { ids: [leaf, lower, upper], isReordered: true })
})

t.test('a certificate that has no place is named', async (t) => {
  const stray = (...pairs: readonly OddPair[]): unknown => {
    try {
      return arranged(...pairs)
    } catch (error) {
      return error
    }
  }

  t.match(stray(leaf, lower, otherRoot), { code: 'CHAIN_BROKEN', details: { stray: 'CN=Other root' } })
  t.match(stray(leaf, upper), { code: 'CHAIN_BROKEN', details: { stray: 'CN=Upper', issuer: 'CN=Lower' } })
  const second = make({ by: lower, extensions: [san] })
  t.match(stray(leaf, second, lower), { code: 'CHAIN_BROKEN' }, 'two leaves')
  t.match(stray(lower, leaf, second), { code: 'CHAIN_BROKEN', details: { reason: /not the first/ } })
  t.match(stray(lower, leaf), { code: 'CHAIN_BROKEN', details: { reason: /not the first/, first: 'CN=Lower' } })
  const forged = make({ subject: '/CN=Lower', extensions: ca })
  t.match(stray(leaf, forged), { code: 'CHAIN_BROKEN', details: { stray: 'CN=Lower' } }, 'a name alone is no issuer')
})

t.test('a certificate is self-signed by its signature, whatever its keyUsage allows', async (t) => {
  const isOwn = ({ certificatePem }: OddPair): boolean => parseCertificates(certificatePem).every(isSelfSigned)

  t.ok(isOwn(root))
  t.ok(isOwn(make({ extensions: [san, 'keyUsage=digitalSignature', 'basicConstraints=CA:FALSE'] })))
  t.notOk(isOwn(leaf))
  t.notOk(isOwn(make({ by: root, subject: '/CN=Test Root', extensions: ca })), 'by a CA of the same name')
})

function arranged(...pairs: readonly OddPair[]): { readonly ids: readonly OddPair[]; readonly isReordered: boolean } {
  const all = [root, otherRoot, upper, crossed, lower, leaf]
  const certificates = pairs.flatMap(({ certificatePem }) => parseCertificates(certificatePem))
  const { leaf: first, chain, isReordered } = arrangeChain(certificates)
  const byPem = (pem: string): readonly OddPair[] => all.filter(({ certificatePem }) => certificatePem === pem)
  return { ids: [first, ...chain].flatMap(({ pem }) => byPem(pem)), isReordered }
}
