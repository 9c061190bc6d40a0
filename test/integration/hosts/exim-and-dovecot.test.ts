import { readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { unlessUnpacked } from '../connector/conflicting-daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { dovecotListeners } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['mail.example.net'] })
const [first, second, third] = await Promise.all([issue(), issue(), issue()])

t.test(
  'a hand-grown Debian with Exim and Dovecot gets a renewal of the pair of both that is proven on 25, 465, 587, 143 and 993, and Exim keeps its access to the key',
  { skip: unlessInstalled('dovecot') || unlessUnpacked() },
  async (t) => {
    const key = 'etc/exim4/exim.key'
    const host = await startHost(t, {
      pems: {
        'etc/exim4/exim.crt': first.certificatePem + first.chainPem,
        [key]: first.keyPem,
      },
      links: {
        'etc/dovecot/private/dovecot.pem': '../../exim4/exim.crt',
        'etc/dovecot/private/dovecot.key': '../../exim4/exim.key',
      },
      // Debian joins its pieces to one file.
      exim: {
        pair: ['etc/exim4/exim.crt', key],
        settings: `MAIN_TLS_ENABLE = yes
MAIN_TLS_CERTIFICATE = DIR/etc/exim4/exim.crt
MAIN_TLS_PRIVATEKEY = DIR/etc/exim4/exim.key
daemon_smtp_ports = P25 : P465 : P587
tls_on_connect_ports = P465
local_interfaces = <; 127.0.0.1 ; ::1
.ifdef MAIN_TLS_ENABLE
tls_advertise_hosts = *
tls_certificate = MAIN_TLS_CERTIFICATE
tls_privatekey = MAIN_TLS_PRIVATEKEY
.endif
`,
      },
      dovecot: `protocols = imap
!include DIR/etc/dovecot/conf.d/10-ssl.conf
${dovecotListeners(143, 993)}`,
      files: {
        'etc/dovecot/conf.d/10-ssl.conf': `ssl = yes
ssl_cert = <DIR/etc/dovecot/private/dovecot.pem
ssl_key = <DIR/etc/dovecot/private/dovecot.key
`,
      },
      roots: ['DIR/etc/exim4'],
      commands: ['false'],
    })
    const before = await stat(join(host.dir, key))

    await renews(t, host, {
      connector: 'exim',
      target: { cert_path: join(host.dir, 'etc/exim4/exim.crt'), key_path: join(host.dir, key) },
      pairs: [second, third],
      provenAt: ['25 smtp', '143 imap', '465 tls', '587 smtp', '993 tls'],
      failing: { reload_command: 'false' },
    })
    const { mode, gid } = await stat(join(host.dir, key))
    t.same({ mode, gid }, { mode: before.mode, gid: before.gid })
    t.equal(mode & 0o777, 0o640)
    t.equal(await readlink(join(host.dir, 'etc/dovecot/private/dovecot.key')), '../../exim4/exim.key')
  },
)
