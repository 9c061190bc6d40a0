import t from 'tap'
import { isBeyond, isSharing, usableCas } from '../../../src/control-plane/offered-ca.ts'
import { makeAuthority } from '../../support/certificates.ts'

const [first, next] = [await makeAuthority('first'), await makeAuthority('next')]
const leaf = await first.issue({ names: ['mail.example.net'] })
const now = Date.now()
const [one, two] = [first.certificatePem, next.certificatePem]

t.test('the CAs of what a server hands out are usable, each once, whatever is written between them', async (t) => {
  const usable = usableCas(
    `# ours\n${one}\n${two}${one}-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n`,
    now,
  )

  t.equal(usable?.match(/BEGIN CERTIFICATE/g)?.length, 2)
  t.notMatch(usable, /PRIVATE|ours/)
})

t.test('what is no CA, has ended, is damaged, or is too much is none', async (t) => {
  const [ofLeaf = ''] = leaf.certificatePem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/) ?? []
  t.equal(usableCas(ofLeaf, now), null)
  t.equal(usableCas(one, Date.parse('2999-01-01T00:00:00Z')), null)
  t.equal(usableCas(one.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA'), now), null)
  t.equal(usableCas('', now), null)
  t.equal(usableCas(one.repeat(9), now), null)
  t.equal(usableCas(`${one}${' '.repeat(65_536)}`, now), null)
})

t.test('one that is known is told from one that is not', async (t) => {
  t.equal(isBeyond(one, one + two), false)
  t.equal(isBeyond(one + two, one), true)
  t.equal(isSharing(one + two, one), true)
  t.equal(isSharing(two, one), false)
})
