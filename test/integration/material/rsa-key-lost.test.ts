import t, { type Test } from 'tap'
import { nginxOf } from '../../../src/connector/nginx/nginx.ts'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import type { Command } from '../../../src/plan/plan.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { startWired } from '../connector/wired-host.ts'
import { startWiredWeb } from '../connector/wired-web.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const issue = (keyType: 'rsa' | 'ecdsa'): Promise<TestPair> => authority.issue({ names, keyType })
const [rsa, ec] = [await issue('rsa'), await issue('ecdsa')]
const pems = {
  'rsa-cert.pem': rsa.certificatePem + rsa.chainPem,
  'rsa-key.pem': rsa.keyPem,
  'ec-cert.pem': ec.certificatePem + ec.chainPem,
  'ec-key.pem': ec.keyPem,
}

interface Host {
  readonly dir: string
  deploy(pair: TestPair, target: Readonly<Record<string, unknown>>): Promise<Outcome>
}

/** RSA in the alternative place: the other way round from what the manual shows. */
for (const place of ['ssl_alt', 'ssl'] as const) {
  const other = place === 'ssl' ? 'ssl_alt' : 'ssl'
  t.test(
    `dovecot: an ECDSA pair in the place of the only RSA pair, in ${place}_cert, is refused`,
    { skip: unlessInstalled('dovecot') },
    async (t) => {
      const settings = (dir: string, prefix: string, kind: string): string =>
        `${prefix}_cert = <${dir}/${kind}-cert.pem\n${prefix}_key = <${dir}/${kind}-key.pem\n`
      const host = await startWired(t, 'dovecot', ec, (dir) => ({
        main: settings(dir, place, 'rsa') + settings(dir, other, 'ec'),
        files: pems,
      }))

      await keepsRsa(t, host)
    },
  )
}

t.test(
  'nginx: an ECDSA pair in the place of the only RSA pair is refused',
  { skip: unlessInstalled('nginx') },
  async (t) => {
    const nginx = (dir: string): Command => ['nginx', '-p', dir, '-c', `${dir}/nginx.conf`, '-e', `${dir}/error.log`]
    const commands = (dir: string): Command[] => [
      [...nginx(dir), '-t'],
      [...nginx(dir), '-s', 'reload'],
    ]
    const program = {
      connectorOf: (dir: string) => nginxOf(nginx(dir)),
      start: (dir: string) => [nginx(dir)],
      stop: (dir: string) => runOrThrow([...nginx(dir), '-s', 'quit']),
      commands,
    }
    const host = await startWiredWeb(
      t,
      program,
      {
        ...pems,
        'nginx.conf': `user root;
pid DIR/nginx.pid;
error_log DIR/error.log;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  server {
    listen 127.0.0.1:PORT1 ssl;
    ssl_certificate rsa-cert.pem; ssl_certificate_key rsa-key.pem;
    ssl_certificate ec-cert.pem; ssl_certificate_key ec-key.pem;
  }
}
`,
      },
      ['tls'],
    )

    await keepsRsa(t, host)
  },
)

async function keepsRsa(t: Test, { dir, deploy }: Host): Promise<void> {
  const placeOf = (kind: string): Record<string, string> => ({
    cert_path: `${dir}/${kind}-cert.pem`,
    key_path: `${dir}/${kind}-key.pem`,
  })
  const [nextRsa, nextEc] = [await issue('rsa'), await issue('ecdsa')]

  const lost = await deploy(nextEc, placeOf('rsa'))
  const kept = [await deploy(nextRsa, placeOf('rsa')), await deploy(nextEc, placeOf('ec'))]

  t.match(lost, { outcome: 'refused', host: 'untouched', code: 'RSA_KEY_LOST', message: /policy\.key_type/ })
  for (const outcome of kept) t.match(outcome, { outcome: 'deployed', host: 'changed', proven: true })
  t.match(
    kept.map(({ probes }) => probes.every(({ keyType }) => keyType !== undefined && keyType !== null)),
    [true, true],
  )
}
