import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { freePorts, writeText } from '../../../src/host/file/plain-files.ts'

const head = `$TTL 60
@ IN SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 60
@ IN NS ns.example.net.
ns IN A 127.0.0.1
`

/**
 * Starts a private nsd(8) that ends with the test: these records in example.net, a zone broken.example that does not load
 * (SERVFAIL), and no other (REFUSED). Returns its address for `policy.resolvers`.
 */
export async function startNsd(t: Test, dir: string, records: readonly string[]): Promise<string> {
  const folder = join(dir, 'nsd')
  const [port = 0] = await freePorts(1)
  await mkdir(folder, { recursive: true })
  await writeText(join(folder, 'example.net'), `${head}${records.join('\n')}\n`)
  await writeText(join(folder, 'broken.example'), 'this is no zone (\n')
  await writeText(join(folder, 'nsd.conf'), conf(folder, port))
  const server = spawn('/usr/sbin/nsd', ['-d', '-c', join(folder, 'nsd.conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(async () => {
    if (server.exitCode !== null) return
    server.kill('SIGTERM')
    await once(server, 'exit')
  })
  const lines: string[] = []
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line)
    if (line.includes('nsd started')) return `127.0.0.1:${port}`
  }
  throw new Error(`nsd did not start:\n${lines.join('\n')}`)
}

function conf(folder: string, port: number): string {
  return `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${folder}"
  pidfile: "${folder}/nsd.pid"
  zonelistfile: "${folder}/zone.list"
  xfrdfile: "${folder}/xfrd.state"
  xfrdir: "${folder}"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: example.net
  zonefile: example.net
zone:
  name: broken.example
  zonefile: broken.example
`
}
