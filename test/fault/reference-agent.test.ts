import { chmod, lstat, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { makeTemporaryFolder } from '../../src/host/file/plain-files.ts'
import { dressKey, filesOf } from '../support/deployment.ts'
import { startMailServer } from '../support/mail-server.ts'
import { removeWhenQuiet } from '../support/remove-when-quiet.ts'
import { jsonOf } from '../support/run-waxseal.ts'
import { startTestMailHost } from './support/mail-host.ts'

t.setTimeout(600_000)

t.test('a crash between rename and reload is healed: the next try finds it reloaded and verified', async (t) => {
  const host = await startTestMailHost(t)
  const crashed = join(host.dir, 'crashed')
  const reload_command = await host.script(
    `[ -e ${crashed} ] || { touch ${crashed}; kill -9 $PPID; }`,
    'log reload',
    'reload',
  )

  const first = await host.deployAlone(host.newPair, { reload_command })
  const again = await host.deployAlone(host.newPair, { reload_command })

  t.equal(first.status, 'SIGKILL')
  t.match(jsonOf(again), { outcome: 'unchanged' }, 'recovery has finished the one that crashed')
  t.ok((await host.logged()).length >= 2, 'the crashed reload ended, and another came')
  await host.serves(t, host.newPair)
})

t.test('backup_retention -1 with a failing reload keeps the live pair', async (t) => {
  const host = await startTestMailHost(t)
  const before = await filesOf(host.daemon)

  const outcome = await host.deploy(host.newPair, { backup_retention: -1, reload_command: 'false' })

  t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'ACTIVATE_FAILED' })
  t.same(await filesOf(host.daemon), before)
  await host.serves(t, host.oldPair)
})

t.test('a symlinked destination stays a symlink, after a deployment and after a rollback', async (t) => {
  const host = await startTestMailHost(t)
  const real = join(host.dir, 'real')
  await mkdir(real)
  const links = [host.daemon.certPath, host.daemon.keyPath]
  for (const link of links) {
    const target = join(real, link.split('/').at(-1) ?? '')
    await rename(link, target)
    await symlink(target, link)
  }

  const deployed = await host.deploy(host.newPair)
  const failed = await host.deploy(host.oldPair, { reload_command: 'false' })

  t.match([deployed, failed], [{ outcome: 'deployed' }, { outcome: 'rolled-back', host: 'restored' }])
  for (const link of links) t.ok((await lstat(link)).isSymbolicLink())
  t.same((await readdir(real)).toSorted(), ['cert.pem', 'key.pem'])
  await host.serves(t, host.newPair)
})

t.test('rollback restores the old mode and owner', async (t) => {
  const host = await startTestMailHost(t)
  await dressKey(host.daemon)
  await chmod(host.daemon.certPath, 0o444)
  const before = await filesOf(host.daemon)

  const modes = { key_file_mode: '0600', key_file_group: 'root', cert_file_mode: '0644' }
  const outcome = await host.deploy(host.newPair, { ...modes, reload_command: 'false' })

  t.match(outcome, { outcome: 'rolled-back', host: 'restored' })
  t.same(await filesOf(host.daemon), before)
})

for (const reload_command of ['', '   ']) {
  t.test(`an empty reload command (${reload_command.length} blanks) is refused`, async (t) => {
    const host = await startTestMailHost(t)
    const before = await filesOf(host.daemon)

    const outcome = await host.deploy(host.newPair, { reload_command })

    t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'TARGET_INVALID' })
    t.match(outcome.message, /reload_command/)
    t.same(await filesOf(host.daemon), before)
  })
}

t.test('no key copy stays beside the live key: neither after a deployment nor after a rollback', async (t) => {
  const host = await startTestMailHost(t)

  await host.deploy(host.newPair)
  await host.deploy(host.oldPair, { reload_command: 'false' })

  t.same((await readdir(dirname(host.daemon.keyPath))).toSorted(), ['cert.pem', 'key.pem'])
  const state = join(host.dir, 'state')
  t.equal((await stat(state)).mode & 0o777, 0o700)
  for (const name of await readdir(host.dir, { recursive: true })) {
    const path = join(host.dir, name)
    const { mode, isKey } = await look(path, host.newPair.keyPem)
    if (!isKey || path === host.daemon.keyPath) continue
    t.match(path, new RegExp(`^${state}/archive/`))
    t.equal(mode, 0o600)
  }
})

t.test(
  'complaint 1: a pair that somebody else renewed on disk is activated and verified, not taken for live',
  async (t) => {
    const host = await startTestMailHost(t)
    const reload_command = await host.script('log reload', 'reload')
    await writeFile(host.daemon.certPath, host.newPair.certificatePem)
    await writeFile(host.daemon.keyPath, host.newPair.keyPem)
    const { ino } = await stat(host.daemon.keyPath)

    const outcome = await host.deploy(host.newPair, { reload_command })

    t.match(outcome, { outcome: 'deployed', probes: host.daemon.ports.map(() => ({ ok: true })) })
    t.same(await host.logged(), ['reload'])
    t.equal((await stat(host.daemon.keyPath)).ino, ino, 'the file is the one that was there')
    await host.serves(t, host.newPair)
  },
)

t.test('complaint 1: a daemon that goes on serving the old leaf fails the deployment', async (t) => {
  const host = await startTestMailHost(t)
  const stale = await startMailServer(t, { script: [], pairs: [host.oldPair] })
  const before = await filesOf(host.daemon)

  const endpoints = [{ endpoint: `127.0.0.1:${stale.port}`, protocol: 'tls' }]
  const outcome = await host.deploy(host.newPair, { endpoints, post_deploy_verify_attempts: 2 })

  t.match(outcome, { outcome: 'rolled-back', host: 'restored', code: 'VERIFY_FAILED' })
  t.match(outcome.probes, [{ ok: false, seen: host.oldPair.sha256, expected: host.newPair.sha256 }])
  t.same(await filesOf(host.daemon), before)
})

t.test('complaint 2: a reload that fails fails the run', async (t) => {
  const host = await startTestMailHost(t)

  const ran = await host.deployAlone(host.newPair, { reload_command: 'false' })

  t.equal(ran.status, 4)
  t.match(jsonOf(ran), { outcome: 'rolled-back', code: 'ACTIVATE_FAILED' })
})

t.test('complaint 3: check and reload each see a certificate and a key that match', async (t) => {
  const host = await startTestMailHost(t)
  const { certPath, keyPath } = host.daemon
  const script = await host.script(
    `log "$(openssl x509 -noout -pubkey -in ${certPath} | sha256sum)"`,
    `log "$(openssl pkey -pubout -in ${keyPath} | sha256sum)"`,
    'reload',
  )

  const outcome = await host.deploy(host.newPair, { validate_command: script, reload_command: script })

  t.match(outcome, { outcome: 'deployed' })
  const seen = await host.logged()
  t.equal(seen.length, 6)
  for (const index of [0, 2, 4]) t.equal(seen[index], seen[index + 1], `of the ${index / 2 + 1}. command`)
})

t.test('complaint 4: a key that arrives cut off is refused, and the working pair stays whole', async (t) => {
  const host = await startTestMailHost(t)
  const before = await filesOf(host.daemon)
  const cut = { ...host.newPair, keyPem: host.newPair.keyPem.slice(0, 80) }

  const outcome = await host.deploy(cut)

  t.match(outcome, { outcome: 'refused', host: 'untouched' })
  t.same(await filesOf(host.daemon), before)
  await host.serves(t, host.oldPair)
})

t.test('complaint 5: a key that a group may read stays readable for it, and a new one is for root alone', async (t) => {
  const host = await startTestMailHost(t)
  await dressKey(host.daemon)
  const newKey = join(dirname(host.daemon.keyPath), 'other.key')

  t.match(await host.deploy(host.newPair), { outcome: 'deployed' })
  t.match(await filesOf(host.daemon), [{}, { mode: 0o640, uid: 0, gid: 8 }])
  t.match(await host.deploy(host.newPair, { key_path: newKey }), { outcome: 'deployed' })

  const { mode, uid, gid } = await stat(newKey)
  t.same([mode & 0o7777, uid, gid], [0o600, 0, 0])
})

t.test('complaint 11: what the server asks to be run is not run where the host has not allowed it', async (t) => {
  const dir = await makeTemporaryFolder('waxseal-foreign-')
  t.teardown(() => removeWhenQuiet(dir))
  const host = await startTestMailHost(t)
  const mark = join(dir, 'mark')

  for (const field of ['reload_command', 'validate_command'])
    for (const command of [
      `touch ${mark}`,
      `true; touch ${mark}`,
      `true $(touch ${mark})`,
      `${host.scriptPath} ${mark}`,
    ])
      t.match(await host.deploy(host.newPair, { [field]: command }), { outcome: 'refused', host: 'untouched' })

  t.same(await readdir(dir), [])
  await host.serves(t, host.oldPair)
})

async function look(path: string, keyPem: string): Promise<{ readonly mode: number; readonly isKey: boolean }> {
  const stats = await lstat(path)
  const line = keyPem.split('\n')[1] ?? ''
  const isKey = stats.isFile() && stats.size < 1_000_000 && (await readFile(path, 'latin1')).includes(line)
  return { mode: stats.mode & 0o777, isKey }
}
