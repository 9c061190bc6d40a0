import t from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { findUnfit } from '../../../src/material/find-unfit.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { ca, keys, type OddOptions, type OddPair, opensslPki, san } from '../../support/openssl-pki.ts'

const dir = await makeTemporaryFolder('waxseal-unfit-')
t.teardown(() => removeTree(dir))
const make = opensslPki(dir)
const root = make({ subject: '/CN=Test Root', extensions: ca })
const rsaRoot = make({ subject: '/CN=RSA root', key: keys.rsa, extensions: ca })

t.test('certificates for TLS servers have no fault', async (t) => {
  const fit: Readonly<Record<string, Partial<OddOptions>>> = {
    'without any usage': {},
    serverAuth: { extensions: [san, 'extendedKeyUsage=serverAuth', 'keyUsage=digitalSignature'] },
    'server and client': { extensions: [san, 'extendedKeyUsage=clientAuth,serverAuth'] },
    'any purpose': { extensions: [san, 'extendedKeyUsage=anyExtendedKeyUsage'] },
    'RSA that may encipher': { key: keys.rsa, extensions: [san, 'keyUsage=keyEncipherment'] },
    'RSA-PSS': { key: keys.pss },
    Ed25519: { key: keys.ed25519 },
  }

  for (const [name, options] of Object.entries(fit))
    t.same(unfitness(make({ by: root, ...options })), { faults: [], remarks: [] }, name)
})

t.test('a leaf that clients refuse has a fault that says why', async (t) => {
  const unfit: readonly (readonly [Partial<OddOptions>, RegExp])[] = [
    [{ extensions: [san, 'extendedKeyUsage=clientAuth'] }, /extendedKeyUsage has clientAuth, and not serverAuth/],
    [{ extensions: [san, 'extendedKeyUsage=emailProtection,1.2.3.4'] }, /emailProtection, 1\.2\.3\.4/],
    [{ extensions: [san, 'keyUsage=keyCertSign,cRLSign'] }, /keyUsage lacks digitalSignature/],
    [{ extensions: [san, 'keyUsage=nonRepudiation'] }, /keyUsage lacks digitalSignature/],
    [{ extensions: [san, 'keyUsage=keyEncipherment'] }, /keyUsage lacks digitalSignature/],
    [{ extensions: [san, 'keyUsage=dataEncipherment'], key: keys.rsa }, /keyUsage lacks digitalSignature/],
    [{ extensions: [san, 'basicConstraints=CA:TRUE'] }, /CA:TRUE/],
    [{ extensions: [] }, /version 1/],
    [{ digest: 'sha1' }, /SHA-1/],
    [{ digest: 'md5', by: rsaRoot }, /MD5/],
    [{ key: keys.short }, /1024 bits/],
    [{ key: keys.brainpool }, /curve brainpoolP256r1/],
    [{ key: keys.koblitz }, /curve secp256k1/],
  ]

  for (const [options, fault] of unfit) {
    const { faults } = unfitness(make({ by: root, ...options }))
    t.equal(faults.length, 1)
    t.match(faults, [fault])
  }
})

t.test('RSASSA-PSS counts by the digest in its parameters', async (t) => {
  const pss = ['-sigopt', 'rsa_padding_mode:pss']

  t.same(unfitness(make({ by: rsaRoot, signing: pss })).faults, [])
  t.match(unfitness(make({ by: rsaRoot, signing: pss, digest: 'sha1' })).faults, [/SHA-1/])
})

t.test('what openssl req -x509 makes is a warning, and a real CA is refused', async (t) => {
  const homeMade = make({ extensions: ['basicConstraints=critical,CA:TRUE'] })
  const old = make({ extensions: [] })

  t.match(unfitness(homeMade), { faults: [], remarks: [/self-signed leaf is a CA/] })
  t.match(unfitness(old), { faults: [], remarks: [/version 1/] })
  t.match(unfitness(root).faults, [/CA:TRUE/, /keyUsage/])
})

t.test('an intermediate that clients refuse is told by its place, a root at the end is left alone', async (t) => {
  const oldRoot = make({ subject: '/CN=Old root', extensions: [], digest: 'sha1', key: keys.short })
  const below = (options: Partial<OddOptions>) => make({ by: root, subject: '/CN=Issuing', extensions: ca, ...options })

  t.same(unfitness(make({ by: oldRoot }), oldRoot), { faults: [], remarks: [] })
  const cases: readonly (readonly [OddPair, RegExp])[] = [
    [below({ digest: 'sha1' }), /^Certificate 2 of the chain \(CN=Issuing\) is signed with SHA-1/],
    [below({ extensions: [] }), /is no CA's certificate/],
    [below({ extensions: [...ca, 'extendedKeyUsage=emailProtection'] }), /not serverAuth/],
    [below({ key: keys.short }), /1024 bits/],
  ]
  for (const [issuing, fault] of cases) t.match(unfitness(make({ by: issuing }), issuing).faults, [fault])
  const brainpool = below({ key: keys.brainpool })
  t.match(unfitness(make({ by: brainpool }), brainpool), { faults: [], remarks: [/curve brainpoolP256r1/] })
})

function unfitness(leaf: OddPair, ...chain: readonly OddPair[]): ReturnType<typeof findUnfit> {
  const [first, ...rest] = [leaf, ...chain].flatMap(({ certificatePem }) => parseCertificates(certificatePem))
  if (first === undefined) throw new Error('no certificate')
  return findUnfit(first, rest)
}
