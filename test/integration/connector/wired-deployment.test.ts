import { chmod, readFile, stat } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { filesOf, leavesOf } from '../../support/deployment.ts'
import { bundleOf, type Difference, seenBy, startWired } from './wired-host.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const orgNames = ['mail.example.org']
const [first, second, rsa, nextRsa, org, nextOrg, lastOrg] = await Promise.all([
  authority.issue({ names }),
  authority.issue({ names }),
  authority.issue({ names, keyType: 'rsa' }),
  authority.issue({ names, keyType: 'rsa' }),
  authority.issue({ names: orgNames }),
  authority.issue({ names: orgNames }),
  authority.issue({ names: orgNames }),
])

const dual = {
  postfix: (dir: string): Difference => ({
    main: `smtpd_tls_eccert_file = ${dir}/tls/cert.pem\nsmtpd_tls_eckey_file = ${dir}/tls/key.pem\nsmtpd_tls_cert_file = ${dir}/rsa-cert.pem\nsmtpd_tls_key_file = ${dir}/rsa-key.pem\n`,
    files: { 'rsa-cert.pem': rsa.certificatePem, 'rsa-key.pem': rsa.keyPem },
  }),
  dovecot: (dir: string): Difference => ({
    main: `ssl_alt_cert = <${dir}/rsa-cert.pem\nssl_alt_key = <${dir}/rsa-key.pem\n`,
    files: { 'rsa-cert.pem': rsa.certificatePem, 'rsa-key.pem': rsa.keyPem },
  }),
} as const

const everywhere = {
  postfix: 'inet_interfaces = all\ninet_protocols = all\n',
  dovecot: 'listen = *, ::\n',
} as const

const sni = {
  postfix: (dir: string): Difference => ({
    main: `tls_server_sni_maps = hash:${dir}/sni\n`,
    map: 'sni',
    files: { 'org.pem': bundleOf(org), sni: `mail.example.org ${dir}/org.pem\n` },
  }),
  dovecot: (dir: string): Difference => ({
    main: `local_name mail.example.org {\n  ssl_cert = <${dir}/org.pem\n  ssl_key = <${dir}/org.pem\n}\n`,
    files: { 'org.pem': bundleOf(org) },
  }),
} as const

for (const name of ['postfix', 'dovecot'] as const) {
  const skip = unlessInstalled(name)

  t.test(
    `${name}: a target without endpoints is probed at every listener that reads its files`,
    { skip },
    async (t) => {
      const { daemon, deploy } = await startWired(t, name, first)

      const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })

      t.match(outcome, { outcome: 'deployed', host: 'changed', code: null, warnings: [] })
      t.same(
        outcome.probes.map(({ address, protocol, servername, ok }) => ({ address, protocol, servername, ok })),
        daemon.ports.map(({ port, protocol }) => ({
          address: `127.0.0.1:${port}`,
          protocol,
          servername: 'mail.example.net',
          ok: true,
        })),
      )
      t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]))
    },
  )

  t.test(`${name}: on all addresses, each port is proven on IPv4 and on IPv6`, { skip }, async (t) => {
    const { daemon, deploy } = await startWired(t, name, first, () => ({ main: everywhere[name] }))
    const loopbacks = (networkInterfaces()['lo'] ?? []).map(({ address }) => address)

    const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })

    t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
    t.same(
      outcome.probes.map(({ address, seen }) => [address, seen]),
      daemon.ports.flatMap(({ port }) =>
        loopbacks.map((address) => [
          address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
          second.sha256,
        ]),
      ),
    )
  })

  t.test(
    `${name}: of two pairs each is deployed and asked for by its key type, beside the other`,
    { skip },
    async (t) => {
      const { dir, daemon, deploy } = await startWired(t, name, first, dual[name])
      const leaves = (): Promise<unknown> =>
        Promise.all(
          daemon.ports.map(async ({ port, protocol }) => {
            const socket = { host: '127.0.0.1', port, protocol }
            return [await seenBy(socket, null, 'ecdsa'), await seenBy(socket, null, 'rsa')]
          }),
        )

      const ecdsaOutcome = await deploy(second, { cert_path: daemon.certPath, key_path: daemon.keyPath })
      const between = await leaves()
      const rsaOutcome = await deploy(nextRsa, { cert_path: `${dir}/rsa-cert.pem`, key_path: `${dir}/rsa-key.pem` })

      for (const [outcome, keyType, { sha256 }] of [
        [ecdsaOutcome, 'ecdsa', second],
        [rsaOutcome, 'rsa', nextRsa],
      ] as const) {
        t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
        t.equal(outcome.probes.length, daemon.ports.length)
        t.ok(outcome.probes.every((probe) => probe.ok && probe.keyType === keyType && probe.seen === sha256))
      }
      t.same(
        between,
        daemon.ports.map(() => [second.sha256, rsa.sha256]),
      )
      t.same(
        await leaves(),
        daemon.ports.map(() => [second.sha256, nextRsa.sha256]),
      )
    },
  )

  t.test(`${name}: a pair of one name is deployed, and undone, without touching the others`, { skip }, async (t) => {
    const { dir, daemon, deploy } = await startWired(t, name, first, sni[name])
    const target = { cert_path: `${dir}/org.pem`, key_path: `${dir}/org.pem` }
    const leaves = (): Promise<unknown> =>
      Promise.all(
        daemon.ports.map(async ({ port, protocol }) => {
          const socket = { host: '127.0.0.1', port, protocol }
          return [await seenBy(socket, 'mail.example.org'), await seenBy(socket, 'mail.example.net')]
        }),
      )

    const deployed = await deploy(nextOrg, target)
    const between = await leaves()
    const undone = await deploy(lastOrg, { ...target, reload_command: 'false' })

    t.match(deployed, { outcome: 'deployed', code: null, warnings: [] })
    t.equal(deployed.probes.length, daemon.ports.length)
    t.ok(deployed.probes.every(({ servername, seen }) => servername === 'mail.example.org' && seen === nextOrg.sha256))
    t.same(
      between,
      daemon.ports.map(() => [nextOrg.sha256, first.sha256]),
    )
    t.match(undone, { outcome: 'rolled-back', host: 'restored', code: 'ACTIVATE_FAILED' })
    t.equal(await readFile(`${dir}/org.pem`, 'utf8'), bundleOf(nextOrg))
    t.same(await leaves(), between)
    if (name === 'postfix') {
      const { mode } = await stat(join(dir, 'sni.db'))
      t.equal(mode & 0o077, 0, 'the map holds the key, and nobody else may read it')
      t.same(
        undone.steps.filter(({ name: step }) => step === 'rollback').flatMap(({ commands }) => commands)[0]?.command[0],
        'postmap',
      )
    }
  })

  t.test(
    `${name}: a certificate that is read with another key than the target's is not touched`,
    { skip },
    async (t) => {
      const { dir, daemon, deploy } = await startWired(t, name, first)

      const outcome = await deploy(second, { cert_path: daemon.certPath, key_path: join(dir, 'tls', 'typo.pem') })

      t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'PATH_NOT_READ' })
      t.match(outcome.message, daemon.keyPath)
      await t.rejects(stat(join(dir, 'tls', 'typo.pem')), { code: 'ENOENT' })
      t.same(new Set(await leavesOf(daemon)), new Set([first.sha256]))
    },
  )

  for (const unreadPaths of ['warn', 'refuse'] as const) {
    t.test(`${name}: a path that nothing reads, with unread_paths: ${unreadPaths}`, { skip }, async (t) => {
      const { dir, daemon, deploy } = await startWired(t, name, first, () => ({ unreadPaths }))
      const target = { cert_path: join(dir, 'tls', 'cert.crt'), key_path: daemon.keyPath }

      const outcome = await deploy(first, target)

      if (unreadPaths === 'refuse') {
        t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'PATH_NOT_READ' })
        t.match(outcome.message, target.cert_path)
        t.match(outcome.message, daemon.certPath, 'the path that is read is named')
        await t.rejects(stat(target.cert_path), { code: 'ENOENT' })
      } else {
        t.match(outcome, { outcome: 'deployed', code: null })
        t.match(outcome.warnings, [
          new RegExp(`No TLS listener of ${name} reads ${target.cert_path}; .* reads ${daemon.certPath},`),
        ])
      }
    })
  }
}

for (const name of ['postfix', 'dovecot'] as const)
  t.test(
    `${name}: a target that has the daemon read one half of the new pair is refused, and nothing is touched`,
    { skip: unlessInstalled(name) },
    async (t) => {
      const { dir, daemon, deploy } = await startWired(t, name, first)
      const before = [await filesOf(daemon), await leavesOf(daemon)]
      const wrong = join(dir, 'tls', 'wrong.pem')

      const noKey = await deploy(second, { cert_path: daemon.certPath, key_path: wrong })
      const noCertificate = await deploy(second, { cert_path: wrong, key_path: daemon.keyPath })

      t.match(noKey, { outcome: 'refused', host: 'untouched', code: 'PATH_NOT_READ', message: wrong })
      t.match(noCertificate, { outcome: 'refused', host: 'untouched', code: 'KEY_SHARED', message: daemon.certPath })
      t.same([await filesOf(daemon), await leavesOf(daemon)], before)
      await t.rejects(stat(wrong), { code: 'ENOENT' })
    },
  )

t.test(
  'postfix: a file for both is no place for the certificate alone',
  { skip: unlessInstalled('postfix') },
  async (t) => {
    const { dir, daemon, deploy } = await startWired(t, 'postfix', first, (folder) => ({
      main: `smtpd_tls_cert_file = ${folder}/both.pem\nsmtpd_tls_key_file = ${folder}/both.pem\n`,
      files: { 'both.pem': bundleOf(first) },
    }))

    const outcome = await deploy(second, { cert_path: `${dir}/both.pem`, key_path: daemon.keyPath })

    t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'PATH_NOT_READ' })
    t.equal(await readFile(`${dir}/both.pem`, 'utf8'), bundleOf(first))
  },
)

t.test('postfix: chain files, key first, are replaced as one file', { skip: unlessInstalled('postfix') }, async (t) => {
  const { dir, daemon, deploy } = await startWired(t, 'postfix', first, (folder) => ({
    main: `smtpd_tls_chain_files = ${folder}/chain.pem\n`,
    files: { 'chain.pem': bundleOf(first) },
  }))

  const outcome = await deploy(second, { cert_path: `${dir}/chain.pem`, key_path: `${dir}/chain.pem` })

  t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
  t.equal(await readFile(`${dir}/chain.pem`, 'utf8'), bundleOf(second))
  t.same(new Set(await leavesOf(daemon)), new Set([second.sha256]))
})

t.test('postfix: a map that everyone may read is refused', { skip: unlessInstalled('postfix') }, async (t) => {
  const { dir, deploy } = await startWired(t, 'postfix', first, sni.postfix)
  await chmod(join(dir, 'sni'), 0o644)

  const outcome = await deploy(nextOrg, { cert_path: `${dir}/org.pem`, key_path: `${dir}/org.pem` })

  t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'TARGET_INVALID', message: /chmod o-r/ })
  t.equal(await readFile(`${dir}/org.pem`, 'utf8'), bundleOf(org))
})
