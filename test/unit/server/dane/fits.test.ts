import { createHash, X509Certificate } from 'node:crypto'
import t from 'tap'
import { fitting, hasIssuerRecord } from '../../../../src/server/dane/fits.ts'
import { recordOf, type TlsaRecord } from '../../../../src/server/dane/tlsa.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const owner = '_25._tcp.mail.example.net'
const intermediate = await (await makeAuthority()).intermediate()
const pair = await intermediate.issue({ names: ['mail.example.net'] })
const other = await intermediate.issue({ names: ['mail.example.net'] })
const pemOf = ({ certificatePem, chainPem }: typeof pair): string => certificatePem + chainPem
const [leaf, issuer] = [pair.certificatePem, pair.chainPem].map((pem) => new X509Certificate(pem)) as [
  X509Certificate,
  X509Certificate,
]
const spkiOf = (certificate: X509Certificate): Buffer => certificate.publicKey.export({ type: 'spki', format: 'der' })
const sha = (name: 'sha256' | 'sha512', bytes: Buffer): string => createHash(name).update(bytes).digest('hex')
const spki = sha('sha256', spkiOf(leaf))
const record = (usage: number, selector: number, matchingType: number, data: string): TlsaRecord => ({
  usage,
  selector,
  matchingType,
  data,
})

t.test('a key fits its own record, and any of usage 3 or 2 that stands for its certificate', async (t) => {
  const use = { spki, pems: [pemOf(pair)] }

  t.equal(fitting(use, owner, [recordOf('ab'), recordOf(spki)]), 'own')
  for (const one of [
    record(3, 0, 1, sha('sha256', leaf.raw)),
    record(3, 1, 2, sha('sha512', spkiOf(leaf))),
    record(3, 1, 0, spkiOf(leaf).toString('hex')),
    record(2, 1, 1, sha('sha256', spkiOf(issuer))),
    record(2, 0, 1, sha('sha256', issuer.raw)),
  ])
    t.equal(fitting(use, owner, [one]), 'other', JSON.stringify(one).slice(0, 60))
})

t.test('usages 0 and 1 fit nothing, nor does the issuer of a leaf without the name of the record', async (t) => {
  const use = { spki, pems: [pemOf(pair)] }
  const byIssuer = record(2, 1, 1, sha('sha256', spkiOf(issuer)))

  t.equal(fitting(use, owner, [record(1, 1, 1, spki), record(0, 1, 1, sha('sha256', spkiOf(issuer)))]), null)
  t.equal(fitting(use, '_25._tcp.mx.example.org', [byIssuer]), null)
  t.equal(hasIssuerRecord(pemOf(pair), '_25._tcp.mx.example.org', [byIssuer]), false)
  t.equal(hasIssuerRecord(pemOf(pair), owner, [byIssuer]), true)
})

t.test('where several certificates are in question, each has to fit; one that is none fits nothing', async (t) => {
  const ofLeaf = record(3, 0, 1, sha('sha256', leaf.raw))

  t.equal(fitting({ spki: 'ab', pems: [pemOf(pair), pemOf(other)] }, owner, [ofLeaf]), null)
  t.equal(fitting({ spki: 'ab', pems: [] }, owner, [ofLeaf]), null)
  t.equal(fitting({ spki: 'ab', pems: ['PEM'] }, owner, [ofLeaf]), null)
})
