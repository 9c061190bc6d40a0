import t from 'tap'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { bundleOf, type Difference, startWired } from '../connector/wired-host.ts'

const authority = await (await makeAuthority()).intermediate()
const [first, shop, nextShop] = await Promise.all([
  authority.issue({ names: ['mail.example.net'] }),
  authority.issue({ names: ['*.shop.test'] }),
  authority.issue({ names: ['*.shop.test'] }),
])

/** Any name below shop.test has a pair of its own, in one file. */
const patterns: Readonly<Record<'postfix' | 'dovecot', (dir: string) => Difference>> = {
  postfix: (dir) => ({
    main: `tls_server_sni_maps = hash:${dir}/sni\n`,
    map: 'sni',
    files: { 'shop.pem': bundleOf(shop), sni: `.shop.test ${dir}/shop.pem\n` },
  }),
  dovecot: (dir) => ({
    main: `local_name *.shop.test {\n  ssl_cert = <${dir}/shop.pem\n  ssl_key = <${dir}/shop.pem\n}\n`,
    files: { 'shop.pem': bundleOf(shop) },
  }),
}

for (const name of ['postfix', 'dovecot'] as const) {
  t.test(`${name}: a pattern that listeners are asked for`, { skip: unlessInstalled(name) }, async (t) => {
    const { dir, daemon, deploy } = await startWired(t, name, first, patterns[name])
    const paths = { cert_path: `${dir}/shop.pem`, key_path: `${dir}/shop.pem` }
    const [{ port, protocol } = { port: 0, protocol: 'smtp' }] = daemon.ports

    await t.test('is asked for by a name below it, where an endpoint has none', async (t) => {
      const outcome = await deploy(nextShop, { ...paths, endpoints: [{ endpoint: `127.0.0.1:${port}`, protocol }] })

      t.match(outcome, { outcome: 'deployed', proven: true, warnings: [] })
      t.match(outcome.probes, [{ servername: /^[a-z]+\.shop\.test$/, ok: true, seen: nextShop.sha256 }])
    })

    await t.test('is a name of the host: a certificate that covers one name of it alone is told', async (t) => {
      const one = await authority.issue({ names: ['www.shop.test'] })

      const outcome = await deploy(one, { ...paths, endpoints: [{ endpoint: `127.0.0.1:${port}`, protocol }] })

      t.match(outcome.warnings.join('\n'), /does not cover [^\n]*\*\.shop\.test/)
    })
  })
}
