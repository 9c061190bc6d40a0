import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:https'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { root } from '../../../packaging/root.ts'
import { makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { startPebble } from '../../integration/pebble.ts'
import { makeAuthority } from '../../support/certificates.ts'
import type { Machine } from './machine.ts'

/** The CA that the pages name, as the machines of a site find it: Let's Encrypt's own name and URL, with a pebble behind. */
export interface PublicCa {
  /** A file of this machine with the root of what it signs. */
  readonly rootFile: string
  /** Has a machine trust the CA's own HTTPS, as every Debian trusts Let's Encrypt's. */
  trustedBy(machine: Machine): Promise<void>
}

const name = 'acme-v02.api.letsencrypt.org'

/** Starts one at port 443 of an address of this machine, until the end of the test. It looks names up at `resolver`. */
export async function startPublicCa(
  t: Test,
  { address, resolver, lifeS }: { readonly address: string; readonly resolver: string; readonly lifeS: number },
): Promise<PublicCa> {
  const dir = await makeTemporaryFolder('waxseal-public-ca-')
  const program = (await promisify(execFile)('bash', [join(root, '.ci/unpack-pebble')])).stdout.trim()
  const pebble = await startPebble(dir, { program, resolver, httpPort: 80, validityS: lifeS })
  const authority = await makeAuthority('who vouches for the public CA')
  const pair = await authority.issue({ names: [name] })
  const { port } = new URL(pebble.url)
  const ca = await readFile(pebble.caFile)
  const server = createServer({ cert: pair.certificatePem, key: pair.keyPem }, (asked, answer) => {
    const { method, headers, url: path = '' } = asked
    const pebbles = { host: 'localhost', servername: 'localhost', port, ca }
    const wanted = { method, headers, path: path === '/directory' ? '/dir' : path }
    const passedOn = request({ ...pebbles, ...wanted }, (said) => {
      answer.writeHead(said.statusCode ?? 502, said.headers)
      said.pipe(answer)
    })
    passedOn.on('error', () => answer.destroy())
    asked.pipe(passedOn)
  })
  await once(server.listen(443, address), 'listening')
  const rootFile = join(dir, 'root.pem')
  await writeText(rootFile, await pebble.root())
  t.teardown(async () => {
    server.close()
    server.closeAllConnections()
    await pebble.stop()
    await removeTree(dir)
  })
  return {
    rootFile,
    trustedBy: async (machine) => {
      const roots = '/etc/ssl/certs/ca-certificates.crt'
      await machine.write(roots, `${await machine.read(roots)}${authority.certificatePem}`)
    },
  }
}

/** What a machine of a site is to have so that it finds the CA, and this name server asks itself alone. */
export const rootZone = (nameServer: string, address: string): string =>
  `$TTL 2
. SOA ns1.example.net. hostmaster.example.net. 1 3600 600 86400 2
. NS ns1.example.net.
example.net. NS ns1.example.net.
ns1.example.net. A ${nameServer}
${name}. A ${address}
`
