import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { acmeKeyOf } from '../../../src/acme/acme-key.ts'
import { openAcme } from '../../../src/acme/open-acme.ts'
import { serveAcmeCa } from '../../support/acme-ca/serve-acme-ca.ts'

t.test(
  'a CA is spoken to where there is no WebAssembly: the unit of the control plane runs without compilers',
  async (t) => {
    const ca = await serveAcmeCa()
    t.teardown(() => ca.close())
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = acmeKeyOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    Reflect.deleteProperty(globalThis, 'WebAssembly')

    const client = openAcme({ directory: ca.directoryUrl, ca: ca.httpsCaPem, key, acceptsTerms: true })

    t.match(await client.account(), /^https:/)
  },
)
