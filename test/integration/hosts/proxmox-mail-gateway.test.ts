import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startHost } from './host-as-it-is.ts'
import { fromFilter } from './listeners.ts'
import { renews } from './renews.ts'

const authority = await (await makeAuthority()).intermediate()
const issue = (): Promise<TestPair> => authority.issue({ names: ['pmg.example.net'] })
const [first, second, third] = await Promise.all([issue(), issue(), issue()])

t.test(
  'a Proxmox Mail Gateway gets a renewal of its one PEM that is proven on 25, behind postscreen, and on 26',
  { skip: unlessInstalled('postfix') },
  async (t) => {
    const pem = 'etc/pmg/pmg-tls.pem'
    const host = await startHost(t, {
      pems: { [pem]: first.certificatePem + first.chainPem + first.keyPem },
      postfix: {
        main: `mynetworks = 127.0.0.0/8
smtpd_tls_security_level = may
smtpd_tls_cert_file = DIR/${pem}
smtpd_tls_key_file = $smtpd_tls_cert_file
smtpd_tls_received_header = yes
postscreen_access_list = permit_mynetworks
postscreen_greet_action = enforce
smtpd_banner = $myhostname
`,
        master: `P26 inet n - n - - smtpd
  -o content_filter=
P25 inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
  -o smtpd_discard_ehlo_keywords=silent-discard,dsn
  -o mynetworks=127.0.0.0/8
tlsproxy unix - - n - 0 tlsproxy
dnsblog unix - - n - 0 dnsblog
${fromFilter(10025)}`,
      },
      roots: ['DIR/etc/pmg'],
      commands: ['false'],
    })
    const path = join(host.dir, pem)

    await renews(t, host, {
      connector: 'postfix',
      target: { cert_path: path, key_path: path },
      pairs: [second, third],
      provenAt: ['25 smtp', '26 smtp'],
      failing: { reload_command: 'false' },
    })
    t.equal(await readFile(path, 'utf8'), second.keyPem + second.certificatePem + second.chainPem)
    t.equal((await stat(path)).mode & 0o777, 0o600)
  },
)
