import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../../../src/demo/mail-host/dovecot-instance.ts'
import { pairPathsIn, startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import { freePorts, makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import type { Probe } from '../../../src/plan/plan.ts'
import { type Look, probeOnce } from '../../../src/verify/probe-once.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'

const pair = await (await makeAuthority()).issue({ names: ['mail.example.net'] })

type Place = Pick<Probe, 'port' | 'protocol'> & { readonly host?: string }

async function look(place: Place, proxy?: 1 | 2): Promise<Look> {
  const probe: Probe = { host: '127.0.0.1', servername: null, keyType: null, timeoutMs: 10_000, ...place }
  return probeOnce(proxy === undefined ? probe : { ...probe, proxy })
}

/** It listens as soon as it has started, and answers to each of the two headers alone. */
async function wantsHeader(t: Test, place: Place): Promise<void> {
  for (const version of [1, 2] as const) t.match(await look(place, version), { leaf: { sha256: pair.sha256 } })
}

async function folder(t: Test): Promise<string> {
  const dir = await makeTemporaryFolder('waxseal-proxy-')
  t.teardown(() => removeTree(dir))
  return dir
}

t.test(
  'Postfix: smtpd, its wrapper mode and postscreen take either header',
  { skip: unlessInstalled('postfix') },
  async (t) => {
    const dir = await folder(t)
    const [starttls = 0, wrapped = 0, screened = 0] = await freePorts(3)
    const master = `${starttls} inet n - n - - smtpd
  -o smtpd_upstream_proxy_protocol=haproxy
${wrapped} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_upstream_proxy_protocol=haproxy
${screened} inet n - n - 1 postscreen
  -o postscreen_upstream_proxy_protocol=haproxy
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
`
    const main = 'inet_interfaces = 127.0.0.1, [::1]\ninet_protocols = all\n'
    const daemon = await startPostfix(dir, pair, pairPathsIn(dir), { main, master })
    t.teardown(() => daemon.stop())

    await wantsHeader(t, { port: starttls, protocol: 'smtp' })
    await wantsHeader(t, { port: wrapped, protocol: 'tls' })
    await wantsHeader(t, { port: screened, protocol: 'smtp' })
    await wantsHeader(t, { host: '::1', port: starttls, protocol: 'smtp' })
  },
)

t.test(
  'Dovecot: a listener with haproxy = yes takes either header',
  { skip: unlessInstalled('dovecot') },
  async (t) => {
    const dir = await folder(t)
    const [imap = 0, imaps = 0] = await freePorts(2)
    const more = `haproxy_trusted_networks = 127.0.0.0/8
service imap-login {
  inet_listener imap_proxied {
    port = ${imap}
    haproxy = yes
  }
  inet_listener imaps_proxied {
    port = ${imaps}
    haproxy = yes
    ssl = yes
  }
}
`
    const daemon = await startDovecot(dir, pair, pairPathsIn(dir), more)
    t.teardown(() => daemon.stop())

    await wantsHeader(t, { port: imap, protocol: 'imap' })
    await wantsHeader(t, { port: imaps, protocol: 'tls' })
  },
)

t.test(
  'nginx: a server that listens with proxy_protocol takes either header, on a Unix socket, too',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const dir = await folder(t)
    const [port = 0] = await freePorts(1)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${dir}/${name};`,
    )
    await writeText(join(dir, 'cert.pem'), pair.certificatePem)
    await writeText(join(dir, 'key.pem'), pair.keyPem, 0o600)
    await writeText(
      join(dir, 'nginx.conf'),
      `user root;
pid ${dir}/nginx.pid;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port} ssl proxy_protocol;
    listen [::1]:${port} ssl proxy_protocol;
    listen unix:${dir}/tls.sock ssl proxy_protocol;
    ssl_certificate ${dir}/cert.pem;
    ssl_certificate_key ${dir}/key.pem;
  }
}
`,
    )
    const nginx = ['nginx', '-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')] as const
    await runOrThrow(nginx)
    t.teardown(() => runOrThrow([...nginx, '-s', 'quit']))

    await wantsHeader(t, { port, protocol: 'tls' })
    await wantsHeader(t, { host: '::1', port, protocol: 'tls' })
    await wantsHeader(t, { host: join(dir, 'tls.sock'), port: 0, protocol: 'tls' })
    t.equal((await look({ port, protocol: 'tls' })).leaf, null)
  },
)

t.test('HAProxy: accept-proxy takes either header', { skip: unlessInstalled('haproxy') }, async (t) => {
  const dir = await folder(t)
  const [port = 0] = await freePorts(1)
  await writeText(join(dir, 'site.pem'), pair.certificatePem + pair.keyPem, 0o600)
  await writeText(
    join(dir, 'haproxy.cfg'),
    `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend https
  bind 127.0.0.1:${port} accept-proxy ssl crt ${dir}/site.pem
`,
  )
  await runOrThrow(['haproxy', '-D', '-f', join(dir, 'haproxy.cfg'), '-p', join(dir, 'haproxy.pid')])
  t.teardown(() => runOrThrow(['pkill', '-F', join(dir, 'haproxy.pid')]))

  await wantsHeader(t, { port, protocol: 'tls' })
})
