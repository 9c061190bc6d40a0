import { readdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { makeAuthority } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { filesOf, leavesOf } from '../../support/deployment.ts'
import { startWired } from './wired-host.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']

/** As a server of the protocol's origin hands out each target that was made through its API. */
const blanked = { key_path: '********', key_file_owner: '********', key_file_group: '********' }

for (const name of ['postfix', 'dovecot'] as const) {
  t.test(`on a real ${name}`, { skip: unlessInstalled(name) }, async (t) => {
    const first = await authority.issue({ names })
    const second = await authority.issue({ names })
    const { dir, daemon, deploy } = await startWired(t, name, first)

    await t.test('a certificate that no listener reads tells of no key: both ways out are named', async (t) => {
      const before = await filesOf(daemon)

      const outcome = await deploy(second, { cert_path: join(dir, 'elsewhere.pem'), ...blanked })

      t.match(outcome, { outcome: 'refused', code: 'TARGET_REDACTED', host: 'untouched' })
      t.match(outcome.message, /targets\/NAME\.yaml, with target_id: .*elsewhere\.pem: its settings name the key/)
      t.same(await filesOf(daemon), before)
    })

    await t.test('a blanked field that is neither key path nor owner is refused by its name', async (t) => {
      const outcome = await deploy(second, { cert_path: daemon.certPath, ...blanked, reload_command: '********' })

      t.match(outcome, { outcome: 'refused', code: 'TARGET_REDACTED', message: /reload_command/ })
    })

    await t.test('a blanked key path is the one that is read with the certificate, also through a link', async (t) => {
      const [link, before] = [join(dir, 'link'), await filesOf(daemon)]
      await symlink(dirname(daemon.certPath), link)

      const outcome = await deploy(second, { cert_path: join(link, 'cert.pem'), ...blanked, key_file_mode: '********' })

      t.match(outcome, { outcome: 'deployed', host: 'changed' })
      t.same(await leavesOf(daemon), Array(daemon.ports.length).fill(second.sha256))
      t.match(await filesOf(daemon), [{}, { bytes: second.keyPem.trim(), ...accessOf(before[1]) }])
      t.notOk((await readdir(process.cwd())).includes('********'))
    })
  })
}

t.test(
  'a blanked key path beside a certificate of one file for both is that file',
  { skip: unlessInstalled('postfix') },
  async (t) => {
    const first = await authority.issue({ names })
    const { dir, daemon, deploy } = await startWired(t, 'postfix', first, (folder) => ({
      main: `smtpd_tls_chain_files = ${folder}/chain.pem\n`,
      files: { 'chain.pem': first.keyPem + first.certificatePem },
    }))
    const second = await authority.issue({ names })

    const outcome = await deploy(second, { cert_path: join(dir, 'chain.pem'), ...blanked })

    t.match(outcome, { outcome: 'deployed', files: [{ role: 'bundle' }] })
    t.same(await leavesOf(daemon), Array(daemon.ports.length).fill(second.sha256))
  },
)

function accessOf(file: unknown): object {
  const { mode, uid, gid } = file as { readonly mode: number; readonly uid: number; readonly gid: number }
  return { mode, uid, gid }
}
