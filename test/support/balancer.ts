import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import { waitForPorts } from '../../src/demo/mail-host/daemon.ts'
import { freePorts, writeText } from '../../src/host/file/plain-files.ts'

/** From where the balancer connects: no test comes from there, and no other program. */
export const balancerAddress = '127.0.0.9'

/** What a balancer stands before. */
export interface Balanced {
  /** Of control planes on 127.0.0.1. */
  readonly urls: readonly string[]
  /** How it says whom a connection is from. */
  readonly header: 'send-proxy' | 'send-proxy-v2' | ''
  /** Asks `/readyz` of each every two seconds, its default, and takes out who says no for the third time. */
  readonly isAsking?: boolean
}

/** A real haproxy that passes TCP on, each connection to the next one; ends with the test. Returns its URL. */
export async function startBalancer(
  t: Test,
  dir: string,
  { urls, header, isAsking = false }: Balanced,
): Promise<string> {
  const [port = 0] = await freePorts(1)
  const file = join(dir, 'haproxy.cfg')
  const check = isAsking ? 'check check-ssl verify none rise 1' : ''
  const servers = urls.map((url, at) => `  server s${at} 127.0.0.1:${new URL(url).port} ${check} ${header}`)
  await writeText(
    file,
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 10s
  option redispatch
frontend agents
  bind 127.0.0.1:${port}
  default_backend planes
backend planes
  balance roundrobin
  source ${balancerAddress}
${isAsking ? '  option httpchk GET /readyz\n' : ''}${servers.join('\n')}
`,
  )
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'ignore'] })
  t.teardown(async () => {
    if (haproxy.exitCode !== null) return
    const ended = once(haproxy, 'exit')
    haproxy.kill('SIGKILL')
    await ended
  })
  await waitForPorts([{ name: 'balancer', port, protocol: 'tls' }])
  return `https://127.0.0.1:${port}`
}
