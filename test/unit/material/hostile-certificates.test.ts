import t from 'tap'
import { describeError, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { arrangeChain } from '../../../src/material/arrange-chain.ts'
import { findUnfit } from '../../../src/material/find-unfit.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { parsePrivateKey } from '../../../src/material/parse-key.ts'
import { ca, keys, opensslPki, san } from '../../support/openssl-pki.ts'

const dir = await makeTemporaryFolder('waxseal-hostile-')
t.teardown(() => removeTree(dir))
const make = opensslPki(dir)
const root = make({ subject: '/CN=Test Root', extensions: ca })
const extensions = [san, 'extendedKeyUsage=serverAuth', 'keyUsage=digitalSignature', 'basicConstraints=CA:FALSE']
const ec = make({ by: root, extensions })
const pairs = [
  ec,
  make({ by: root, key: keys.rsa, extensions }),
  make({ by: root, key: keys.pss, extensions }),
  make({ by: root, key: keys.ed25519, extensions }),
  make({ by: root, key: keys.brainpool, extensions }),
]

t.test('ten thousand changed certificates end in a certificate or in a coded error', async (t) => {
  const random = lcg(1)
  const originals = pairs.map(({ certificatePem }) => derOf(certificatePem))
  const endings = new Map<string, number>()
  for (let round = 0; round < 10_000; round += 1) {
    const original = originals[round % originals.length] ?? Buffer.alloc(0)
    const ending = endingOf(() => {
      const [changed] = parseCertificates(pemOf(mutate(original, random)))
      if (changed === undefined) return
      const others = parseCertificates(root.certificatePem)
      arrangeChain([changed, ...others])
      findUnfit(changed, others)
      if (/\p{C}/u.test([changed.subject, changed.issuer, ...changed.names].join(' ')))
        throw new Error('a control character')
    })
    endings.set(ending, (endings.get(ending) ?? 0) + 1)
  }

  t.same(new Set(endings.keys()), new Set(['fine', 'MATERIAL_INVALID', 'CHAIN_BROKEN']), JSON.stringify([...endings]))
})

t.test('two thousand changed keys end in a key or in a coded error that tells nothing of them', async (t) => {
  const random = lcg(2)
  const endings = new Set<string>()
  for (let round = 0; round < 2000; round += 1) {
    const { keyPem } = pairs[round % pairs.length] ?? ec
    endings.add(endingOf(() => void parsePrivateKey(keyPemOf(mutate(derOf(keyPem), random)))))
  }

  for (const ending of endings) t.match(ending, /^(fine|MATERIAL_INVALID)$/)
})

t.test(
  'huge lists of names, names with control characters, and odd dates are taken or refused in a moment',
  async (t) => {
    const many = (count: number): string =>
      `subjectAltName=${Array.from({ length: count }, (_, index) => `DNS:h${index}.example.net`).join(',')}`
    const [long] = parseCertificates(make({ by: root, extensions: [many(1000)] }).certificatePem)
    t.equal(long?.names.length, 1000)
    t.equal(
      endingOf(() => parseCertificates(make({ by: root, extensions: [many(1001)] }).certificatePem)),
      'MATERIAL_INVALID',
    )

    const forever = make({ by: root, signing: ['-set_serial', '-5'], days: 2_900_000 })
    const [odd] = parseCertificates(forever.certificatePem)
    t.match(odd?.notAfter, /^\+?0*9\d{3}-/)
    t.equal(odd?.serial, '-05')
  },
)

function endingOf(work: () => unknown): string {
  try {
    work()
    return 'fine'
  } catch (error) {
    if (!(error instanceof WaxsealError)) return String(error)
    return /error:|0x|\/crypto\/|-----|\p{C}/u.test(describeError(error)) ? `raw: ${describeError(error)}` : error.code
  }
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64')
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`
}

function keyPemOf(der: Uint8Array): string {
  return pemOf(der).replaceAll('CERTIFICATE', 'PRIVATE KEY')
}

/** One to four bytes set, removed or put in. */
function mutate(original: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(original)
  for (let times = 1 + random(4); times > 0; times -= 1) {
    const at = random(bytes.length)
    const kind = random(4)
    if (kind === 0) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([random(256)]), bytes.subarray(at)])
    else bytes[at] = kind === 2 ? random(256) : (bytes[at] ?? 0) ^ (1 << random(8))
  }
  return bytes
}

/** The same numbers in every run. */
function lcg(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
