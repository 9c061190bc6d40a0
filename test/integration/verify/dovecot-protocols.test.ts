import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { pairPathsIn } from '../../../src/demo/mail-host/postfix-instance.ts'
import { freePorts, makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import type { Probe } from '../../../src/plan/plan.ts'
import { probeOnce } from '../../../src/verify/probe-once.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { servedLeaf } from '../../support/served-leaf.ts'

t.test('a real Dovecot with every protocol', { skip: unlessInstalled('dovecot') }, async (t) => {
  const dir = await makeTemporaryFolder('waxseal-')
  const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })
  const [sieve = 0, lmtp = 0] = await freePorts(2)
  const socket = join(dir, 'run', 'lmtp-tls')
  const daemon = await startDovecot(dir, pair, pairPathsIn(dir), settings(sieve, lmtp, socket))
  t.teardown(async () => {
    await daemon.stop()
    await removeTree(dir)
  })
  const ports = [
    ...daemon.ports,
    { name: 'sieve', port: sieve, protocol: 'sieve' },
    { name: 'lmtp', port: lmtp, protocol: 'lmtp' },
  ] as const

  for (const { name, port, protocol } of ports) {
    t.test(`${name}: a look sees what openssl sees`, async (t) => {
      const look = await probeOnce(probeAt('127.0.0.1', port, protocol))

      t.match(look, { error: null, leaf: { sha256: pair.sha256 } })
      t.equal(await servedLeaf({ port, protocol }), pair.sha256)
    })
  }

  t.test('LMTP on a Unix socket: a look sees what openssl sees', async (t) => {
    const look = await probeOnce(probeAt(socket, 0, 'lmtp'))

    t.match(look, { error: null, leaf: { sha256: pair.sha256 } })
    t.equal(await leafOnSocket(socket), pair.sha256)
  })

  t.test('a port asked in the wrong protocol says in which phase it failed', async (t) => {
    const imap = daemon.ports.find(({ name }) => name === 'imap')?.port ?? 0

    t.match(await probeOnce(probeAt('127.0.0.1', imap, 'smtp')), {
      leaf: null,
      error: /^greeting: the server said: \* OK/,
    })
    t.match(await probeOnce(probeAt('127.0.0.1', imap, 'tls')), { leaf: null, error: /^handshake: / })
  })
})

function probeAt(host: string, port: number, protocol: Probe['protocol']): Probe {
  return { host, port, protocol, servername: null, keyType: null, timeoutMs: 10_000 }
}

function settings(sieve: number, lmtp: number, socket: string): string {
  return `protocols = imap pop3 sieve lmtp
service managesieve-login {
  inet_listener sieve {
    port = ${sieve}
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${lmtp}
  }
  unix_listener ${socket} {
    mode = 0600
  }
}
`
}

/** SHA-256 of the leaf that openssl(1) sees behind LMTP's STARTTLS on a Unix socket. */
async function leafOnSocket(path: string): Promise<string | null> {
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    `openssl s_client -unix ${path} -starttls lmtp </dev/null 2>/dev/null`,
  ])
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0]
  return pem === undefined ? null : new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}
