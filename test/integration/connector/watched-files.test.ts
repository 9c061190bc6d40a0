import { watch } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { deploy } from '../../../src/deployer/deploy.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const authority = await (await makeAuthority()).intermediate()

t.test('Traefik: the key and then the certificate, one rename each, as its file provider reads them', async (t) => {
  const host = await watchedHost(t)
  const [first, second] = [await issue(), await issue()]
  await host.deploy('Traefik', first)

  const { renamed } = await host.deploy('Traefik', second)

  t.same(renamed, ['key.pem', 'cert.pem'])
  t.same(await host.texts(), { 'cert.pem': second.certificatePem + second.chainPem, 'key.pem': second.keyPem })
  t.equal(await host.mode('key.pem'), 0o600)
  t.equal(await host.mode('cert.pem'), 0o644)
})

t.test('Traefik: file names of its own', async (t) => {
  const host = await watchedHost(t)

  const { renamed } = await host.deploy('Traefik', await issue(), { cert_file: 'site.crt', key_file: 'site.key' })

  t.same(renamed, ['site.key', 'site.crt'])
})

t.test(
  'Envoy: sds.json comes last, though it says the same each time, for its rename is what Envoy watches',
  async (t) => {
    const host = await watchedHost(t)
    const [first, second] = [await issue(), await issue()]
    const sds = { sds_config: true, chain_filename: 'chain.pem' }
    await host.deploy('Envoy', first, sds)
    const before = (await host.texts())['sds.json']

    const { renamed } = await host.deploy('Envoy', second, sds)

    t.same(renamed, ['key.pem', 'chain.pem', 'cert.pem', 'sds.json'])
    t.same(await host.texts(), {
      'cert.pem': second.certificatePem + second.chainPem,
      'chain.pem': second.chainPem,
      'key.pem': second.keyPem,
      'sds.json': before,
    })
  },
)

t.test('Envoy: sds.json is a discovery response with one TLS certificate, byte for byte', async (t) => {
  const host = await watchedHost(t)

  await host.deploy('Envoy', await issue(), { sds_config: true, sds_name: 'mail' })

  t.equal(
    (await host.texts())['sds.json'],
    `{
  "resources": [
    {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
      "name": "mail",
      "tls_certificate": {
        "certificate_chain": {
          "filename": "${host.folder}/cert.pem"
        },
        "private_key": {
          "filename": "${host.folder}/key.pem"
        },
        "watched_directory": {
          "path": "${host.folder}"
        }
      }
    }
  ]
}
`,
  )
})

t.test('Envoy: without sds_config there is no sds.json, and two files of one name are refused', async (t) => {
  const host = await watchedHost(t)

  await host.deploy('Envoy', await issue())
  const refused = await host.deploy('Envoy', await issue(), { cert_filename: 'a.pem', key_filename: 'a.pem' })

  t.same(Object.keys(await host.texts()), ['cert.pem', 'key.pem'])
  t.match(refused.outcome, { outcome: 'refused', code: 'TARGET_INVALID' })
})

function issue(): Promise<TestPair> {
  return authority.issue({ names: ['www.example.net'] })
}

/** A folder that is deployed to, with a watcher that tells which names were renamed in, in their order. */
async function watchedHost(t: Test) {
  const dir = await makeTemporaryFolder('waxseal-watched-')
  const folder = join(dir, 'certs')
  await makeFolder(folder)
  t.teardown(() => removeWhenQuiet(dir))
  const engine = await openTestEngine(dir, [])
  const names = async (): Promise<readonly string[]> => (await readdir(folder)).toSorted()
  return {
    folder,
    deploy: async (connector: string, pair: TestPair, changes: object = {}) => {
      const seen: string[] = []
      const done = Promise.withResolvers<void>()
      const watcher = watch(folder, (_, name) => {
        if (name === 'done') done.resolve()
        else if (name !== null && !name.startsWith('.')) seen.push(name)
      })
      const outcome = await deploy(
        {
          target: 'site',
          connector,
          config: { cert_dir: folder, ...changes },
          certificatePem: pair.certificatePem,
          chainPem: pair.chainPem,
          findKey: async () => pair.keyPem,
        },
        engine,
      )
      await makeFolder(join(folder, 'done'))
      await done.promise
      watcher.close()
      await removeTree(join(folder, 'done'))
      return { outcome, renamed: [...new Set(seen)] }
    },
    texts: async () => {
      const texts: Record<string, string> = {}
      for (const name of await names()) texts[name] = await readFile(join(folder, name), 'utf8')
      return texts
    },
    mode: async (name: string) => (await stat(join(folder, name))).mode & 0o7777,
  }
}
