import { readApacheWiring } from '../../../../src/connector/apache/read-wiring.ts'
import { readDovecotWiring } from '../../../../src/connector/dovecot/read-wiring.ts'
import { readEximWiring } from '../../../../src/connector/exim/read-wiring.ts'
import { readHaproxyWiring } from '../../../../src/connector/haproxy/read-wiring.ts'
import type { HostView } from '../../../../src/connector/host-view.ts'
import { readNginxWiring } from '../../../../src/connector/nginx/read-wiring.ts'
import { settingNames } from '../../../../src/connector/postfix/read-services.ts'
import { readPostfixWiring } from '../../../../src/connector/postfix/read-wiring.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import type { Boundary } from '../fuzz.ts'
import { mutateText } from '../mutate.ts'
import type { Random } from '../random.ts'

const nginx = String.raw`# configuration file /etc/nginx/nginx.conf:
user www-data;
events { worker_connections 768; }
http {
  ssl_certificate /srv/tls/cert.pem; ssl_certificate_key /srv/tls/key.pem;
  include /etc/nginx/sites-enabled/*;
  server { listen 443 ssl default_server; listen [::]:443 ssl; server_name "a b" ~^w\d+\.example\.net$ .example.net; }
}
mail { server { listen 127.0.0.1:143 proxy_protocol; protocol imap; starttls on; ssl_certificate data:$x; } }
stream { server { listen unix:/run/x.sock ssl; ssl_reject_handshake on; } }
# configuration file /etc/nginx/sites-enabled/a:
server { listen 192.0.2.1:8443 ssl; server_name a.test; ssl_certificate a.pem; ssl_certificate_key a.key; }
`
const apache = String.raw`# In file: /etc/apache2/apache2.conf
Listen 443
Listen [::1]:8443 https
SSLCertificateFile /srv/tls/cert.pem
SSLCertificateKeyFile "/srv/tls/my \"own\" key.pem"
<VirtualHost *:443 [::1]:443>
  ServerName a.test
  ServerAlias *.a.test b?.test
  SSLEngine on
  SSLCertificateFile /srv/a.pem
</VirtualHost>
ServerRoot: "/etc/apache2"
`
const dovecot = `# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf
listen = *, ::
protocols = imap pop3 lmtp sieve
ssl = required
ssl_cert = </srv/tls/cert.pem
ssl_key = </srv/tls/key.pem
haproxy_trusted_networks = 192.0.2.0/24
local_name mail.example.org {
  ssl_cert = </srv/tls/org-cert.pem
}
local 192.0.2.7 {
  protocol imap {
    ssl_cert = <relative.pem
  }
}
service imap-login {
  inet_listener imaps {
    address = 192.0.2.7 ::1
    haproxy = yes
    port = 993
    ssl = yes
  }
}
`
const exim = `tls_certificate = /etc/exim4/exim.crt
tls_privatekey = \${if exists{/a.pem}{/a.pem}{/b.pem}}
tls_advertise_hosts = * : !192.0.2.0/24
daemon_smtp_ports = 25 : submission
tls_on_connect_ports = <; 465 ; smtps
local_interfaces = <; [::1]:587 ; 192.0.2.1.25 ; ::0
no_disable_ipv6
`
const haproxy = `global
  crt-base /etc/ssl
  ca-base /etc/ssl
defaults
  mode http
frontend a
  bind *:443,[::]:443 ssl crt /srv/tls/ crt-list /srv/list strict-sni alpn h2
  bind :8443-8445 ssl crt a.pem accept-proxy
  tcp-request connection expect-proxy layer4
.if defined(X)
  bind unix@/run/x.sock ssl crt "\${X}"
.endif
`
const crtList = `/srv/tls/a.pem [alpn h2 ssl-min-ver TLSv1.2] a.test !b.a.test *.a.test\n# c\nb.pem\n`
const master = `smtp       inet  n       -       y       -       -       smtpd
[::1]:10026 inet n       -       n       -       -       smtpd -o {smtpd_tls_chain_files=/a/k.pem, /a/c.pem}
smtps inet n   -       n       -       1       smtpd -o smtpd_tls_wrappermode=yes
smtp inet n - y - 1 postscreen
tlsproxy unix - - y - 0 tlsproxy
`
const overrides = 'smtps/inet/smtpd_tls_wrappermode = yes\nsmtp/inet/smtpd_tls_security_level = may\n'
const main = settingNames.map((name) => `${name} = ${valueOf(name)}\n`).join('')

function valueOf(name: string): string {
  if (name.endsWith('_cert_file')) return '/srv/tls/cert.pem'
  if (name.endsWith('_key_file')) return '/srv/tls/key.pem'
  if (name === 'tls_server_sni_maps') return 'hash:/etc/postfix/sni, inline:{a.test=/srv/a.pem}'
  if (name === 'multi_instance_directories') return '/etc/postfix-out'
  if (name === 'multi_instance_enable') return 'yes'
  return name === 'inet_interfaces' || name === 'inet_protocols' ? 'all' : name.endsWith('level') ? 'may' : ''
}

const sni = 'a.test /srv/a.key /srv/a.pem\n.example.net /srv/b.pem,\n  /srv/c.pem\n'
const loopback = '00000000000000000000000000000001 01 80 10 80       lo\n'
const services = 'smtp 25/tcp mail\nsubmission 587/tcp\nsmtps 465/tcp submissions\n'

/** Each daemon's answer, one or more of them changed. */
export const settings: Boundary = {
  name: 'settings of daemons',
  share: 2000,
  open: async () => {
    const { certificatePem, keyPem } = await (await makeAuthority()).issue({ names: ['a.test'] })
    const pemText = certificatePem + keyPem
    return {
      take: async (random) => {
        const host = hostOf(random, pemText)
        switch (random.below(6)) {
          case 0:
            return readNginxWiring(host, ['nginx'])
          case 1:
            return readApacheWiring(host, ['apache2ctl'])
          case 2:
            return readDovecotWiring(host, null)
          case 3:
            return readEximWiring(host, null)
          case 4:
            return readHaproxyWiring(host, ['/etc/haproxy/haproxy.cfg'])
          default:
            return readPostfixWiring(host, null)
        }
      },
      close: async () => {},
    }
  },
}

function hostOf(random: Random, pemText: string): HostView {
  const spoil = (text: string): string => (random.below(3) > 0 ? mutateText(text, random) : text)
  const outputOf = ([program = '', ...args]: readonly string[]): string => {
    if (program === 'nginx') return nginx
    if (program === 'apache2ctl') return apache
    if (program === 'doveconf') return dovecot
    if (program.startsWith('exim')) return exim
    if (program === 'haproxy') return ''
    if (args.includes('-M')) return master
    return args.includes('-P') ? overrides : args.includes('-x') ? main : sni
  }
  const fileAt = (path: string): string => {
    if (path === '/proc/self/net/if_inet6') return loopback
    if (path === '/etc/services') return services
    if (path.endsWith('.cfg')) return haproxy
    if (path.endsWith('list')) return crtList
    return path.includes('sni') ? sni : pemText
  }
  return {
    readFile: async (path) => (random.below(8) === 0 ? null : new TextEncoder().encode(spoil(fileAt(path)))),
    exists: async () => random.below(2) === 0,
    list: async (path) =>
      path.endsWith('.cfg') ? null : random.pick([null, [], ['a.pem', 'b.pem', '\u001b[2J.pem', 'x.cfg']]),
    identity: async (path) => path,
    inode: async () => null,
    mode: async () => 0o644,
    user: async () => null,
    password: async () => ({ reason: 'there is none' }),
    run: async (command) => {
      const isWell = random.below(8) > 0
      const stdout = spoil(outputOf(command))
      return {
        exitCode: isWell ? 0 : random.pick([1, 127, null]),
        stdout,
        output: stdout.slice(-2000),
        isMissing: random.below(20) === 0,
      }
    },
  }
}
