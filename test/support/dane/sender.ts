import { readFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { innerServices, layOutPostfix, ownPlaces } from '../../../src/demo/mail-host/postfix-instance.ts'
import { freePorts, makeFolder, writeText } from '../../../src/host/file/plain-files.ts'
import type { DnsServer } from '../../../src/host/socket/dns-exchange.ts'

/** A Postfix that delivers by DANE or not at all. */
export interface Sender {
  /** Resolves when it has taken a mail to this address; what becomes of it is in `ends`. */
  send(recipient: string): Promise<void>
  /** What became of the mails, by the lines of its log. */
  ends(): Promise<MailEnds>
}

/** Of each delivery that was tried. */
export interface MailEnds {
  readonly sent: number
  /** The lines of those that were not: deferred or returned. */
  readonly failed: readonly string[]
  /** Deliveries over TLS that DANE has verified. */
  readonly verified: number
}

/**
 * Starts a private Postfix at `smtp_tls_security_level=dane-only`. Its smtp(8) runs in a chroot, as Debian's do: the resolv.conf there is its
 * own, so that it asks this resolver, and believes its AD bit.
 */
export async function startSender(t: Test, dir: string, resolver: DnsServer): Promise<Sender> {
  const etc = join(dir, 'etc')
  const [port = 0] = await freePorts(1)
  await makeFolder(join(dir, 'queue', 'etc'))
  await layOutPostfix(etc, join(dir, 'data'))
  await writeText(
    join(dir, 'queue', 'etc', 'resolv.conf'),
    `nameserver ${resolver.address}\noptions trust-ad timeout:30 attempts:3\n`,
  )
  await writeText(join(dir, 'queue', 'etc', 'services'), 'smtp 25/tcp\n')
  await writeText(
    join(etc, 'main.cf'),
    `${ownPlaces(dir)}myhostname = sender.example.net
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = dane-only
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
minimal_backoff_time = 1h
`,
  )
  await writeText(
    join(etc, 'master.cf'),
    `127.0.0.1:${port} inet n - n - - smtpd\nsmtp unix - - y - - smtp\n${innerServices}`,
  )
  await runOrThrow(['postfix', '-c', etc, 'start'])
  t.teardown(() => runOrThrow(['postfix', '-c', etc, 'stop']))
  return {
    send: (recipient) => submit(port, recipient),
    ends: async () => endsIn(await readFile(join(dir, 'mail.log'), 'utf8')),
  }
}

/** One mail over SMTP. Rejects where it is not taken. */
async function submit(port: number, recipient: string): Promise<void> {
  const connection = createConnection({ host: '127.0.0.1', port })
  connection.on('error', () => {})
  const says = [
    'EHLO client.example.net',
    'MAIL FROM:<sender@example.net>',
    `RCPT TO:<${recipient}>`,
    'DATA',
    'Subject: a test\r\n\r\nhello\r\n.',
    'QUIT',
  ]
  let last = ''
  for await (const line of createInterface({ input: connection })) {
    last = line
    if (/^\d{3}-/.test(line)) continue
    if (!/^[23]/.test(line)) break
    const next = says.shift()
    if (next === undefined) return
    connection.write(`${next}\r\n`)
  }
  connection.destroy()
  if (!last.startsWith('221')) throw new Error(`the sender does not take a mail: ${last}`)
}

function endsIn(log: string): MailEnds {
  const lines = log.split('\n')
  return {
    sent: lines.filter((line) => line.includes('status=sent')).length,
    failed: lines.filter((line) => /status=(deferred|bounced|expired)/.test(line)),
    verified: lines.filter((line) => line.includes('Verified TLS connection established to')).length,
  }
}
