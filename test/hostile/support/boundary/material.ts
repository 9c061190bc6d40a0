import { createHash, X509Certificate } from 'node:crypto'
import { pkcs12 } from '../../../../src/connector/files/pkcs12.ts'
import { parseCertificates } from '../../../../src/material/parse-certificate.ts'
import { findPrivateKey } from '../../../../src/material/parse-key.ts'
import { parseChain, parseMaterial } from '../../../../src/material/parse-material.ts'
import { readDer } from '../../../../src/material/read-der.ts'
import { readUsage } from '../../../../src/material/read-usage.ts'
import { recognise } from '../../../../src/material/recognise.ts'
import { recogniseDer } from '../../../../src/material/recognise-der.ts'
import { makeAuthority, type TestPair } from '../../../support/certificates.ts'
import { type Boundary, Violation } from '../fuzz.ts'
import { mutateBytes, mutateText } from '../mutate.ts'
import type { Random } from '../random.ts'

/** Certificates and keys as PEM: torn, shuffled, with other bytes inside. */
export const pem: Boundary = {
  name: 'material: PEM',
  share: 1500,
  open: async () => {
    const pairs = await makePairs()
    return {
      take: async (random) => {
        const pair = random.pick(pairs)
        const spki = createHash('sha256').update(pair.keyPem).digest('hex')
        const text = changed(pair.certificatePem + pair.chainPem, random)
        const key = changed(pair.keyPem, random)
        recognise(text, random.pick(['certificate', 'private key'] as const))
        const kind = random.below(3)
        if (kind === 0) return parseChain({ certificatePem: text })
        if (kind === 1) return findPrivateKey(key, spki)
        return parseCertificates(text, 'chain')
      },
      close: async () => {},
    }
  },
}

/** Whole pairs with a change in one of the two, up to the handshake. What is taken is a pair. */
export const pairsTaken: Boundary = {
  name: 'material: pairs',
  share: 500,
  open: async () => {
    const pairs = await makePairs()
    return {
      take: async (random) => {
        const pair = random.pick(pairs)
        const isCertificate = random.below(2) === 0
        const certificatePem = pair.certificatePem + pair.chainPem
        const material = await parseMaterial({
          certificatePem: isCertificate ? changed(certificatePem, random) : certificatePem,
          keyPem: isCertificate ? pair.keyPem : changed(pair.keyPem, random),
          now: new Date(),
        })
        const known = pairs.some((one) => one.sha256 === material.leaf.sha256)
        // Without its issuer, whether it was signed is for the clients to say.
        if (!known && material.chain.length > 0) throw new Violation('a leaf that its issuer has not signed is taken')
        return material
      },
      close: async () => {},
    }
  },
}

/** DER and PKCS#12, as files of a host hold them. */
export const der: Boundary = {
  name: 'material: DER and PKCS#12',
  share: 1000,
  open: async () => {
    const pairs = await makePairs()
    const [pair] = pairs
    if (pair === undefined) throw new Error('there is no pair')
    const material = await parseMaterial({
      certificatePem: pair.certificatePem + pair.chainPem,
      keyPem: pair.keyPem,
      now: new Date(),
    })
    const seeds = [
      ...pairs.map(({ certificatePem }) => new X509Certificate(certificatePem).raw),
      Buffer.from(await pkcs12(material, 'secret', 'mail')),
      Buffer.from(pair.keyPem.replaceAll(/-----.*-----|\n/g, ''), 'base64'),
    ]
    return {
      take: async (random) => {
        const bytes = mutateBytes(random.pick(seeds), random)
        readDer(bytes)
        readUsage(bytes)
        recognise(bytes.toString('latin1'), random.pick(['certificate', 'private key'] as const))
        return recogniseDer(bytes)
      },
      close: async () => {},
    }
  },
}

async function makePairs(): Promise<readonly TestPair[]> {
  const authority = await makeAuthority()
  const intermediate = await authority.intermediate()
  return [
    await intermediate.issue({ names: ['mail.example.net', '*.example.net'], ips: ['192.0.2.1'] }),
    await authority.issue({ names: ['mail.example.net'], keyType: 'rsa' }),
  ]
}

/** In its armour, or in the bytes that are in it. */
function changed(text: string, random: Random): string {
  if (random.below(2) === 0) return mutateText(text, random)
  const blocks = text.split(/(?<=-----END [A-Z ]+-----\n)/)
  const at = random.below(blocks.length)
  return blocks.map((block, index) => (index === at ? changedInside(block, random) : block)).join('')
}

function changedInside(block: string, random: Random): string {
  const [, begin = '', body = '', end = ''] = /^(-----BEGIN .*-----\n)([^-]*)(-----END .*-----\n)$/.exec(block) ?? []
  const bytes = mutateBytes(Buffer.from(body, 'base64'), random).toString('base64')
  return `${begin}${bytes.replaceAll(/(.{64})/g, '$1\n')}\n${end}`
}
