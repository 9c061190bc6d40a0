import { chmod, chown, lstat, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { Daemon } from '../../../src/demo/mail-host/daemon.ts'
import { startPostfix } from '../../../src/demo/mail-host/postfix-instance.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { recover } from '../../../src/deployer/recover.ts'
import { makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { resolveGroup } from '../../../src/host/users.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { deployPair, leavesOf, openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const skip = unlessInstalled('postfix')

t.test('a stock host needs no line of policy.folders', { skip }, async (t) => {
  const { engine, daemon, next } = await open(t)
  const gid = (await resolveGroup('ssl-cert')) ?? 8
  await chown(dirname(daemon.keyPath), 0, gid)
  await chmod(dirname(daemon.keyPath), 0o710)
  await chown(daemon.keyPath, 0, gid)
  await chmod(daemon.keyPath, 0o640)

  const outcome = await deployPair(engine, daemon, next)

  t.match(outcome, { outcome: 'deployed', proven: true })
  const { mode, uid, gid: group } = await lstat(daemon.keyPath)
  t.same({ mode: mode & 0o7777, uid, group }, { mode: 0o640, uid: 0, group: gid })
})

t.test('what the daemon names is mended, and made where it is gone', { skip }, async (t) => {
  const { engine, daemon, next, dir } = await open(t)
  await writeFile(daemon.certPath, 'torn')
  await rename(daemon.keyPath, join(dir, 'key.pem.lost'))

  const mended = await deployPair(engine, daemon, next, { daemon_config: join(dir, 'etc') })
  t.match(mended, { outcome: 'deployed', proven: true }, mended.message)
  t.same(new Set(await leavesOf(daemon)), new Set([next.sha256]))
})

t.test(
  'a hostile job writes over no table, settings or program, and into no folder of settings',
  { skip },
  async (t) => {
    const { engine, daemon, next, first, dir } = await open(t)
    const etc = join(dir, 'etc')
    const files = {
      virtual: 'postmaster@example.net bob\n',
      sasl_passwd: '[relay.example.net]:587 user:password\n',
      'post-up': '#!/bin/sh\n',
    }
    for (const [name, text] of Object.entries(files)) await writeText(join(etc, name), text)
    for (const name of ['conf.d', 'sasl']) await mkdir(join(etc, name))
    const places = [...Object.keys(files), 'main.cf', 'master.cf', 'new.pem', 'conf.d/new.pem', 'sasl/smtpd.conf']

    for (const place of places) {
      const path = join(etc, place)
      const before = await readFile(path, 'utf8').catch(() => null)
      for (const target of [{ cert_path: path }, { key_path: path }, { cert_path: path, key_path: path }])
        t.match(await deployPair(engine, daemon, next, target), { outcome: 'refused', code: 'PATH_NOT_ALLOWED' }, place)
      t.equal(await readFile(path, 'utf8').catch(() => null), before, place)
    }

    t.same(new Set(await leavesOf(daemon)), new Set([first.sha256]))
    t.match(await deployPair(engine, daemon, next), { outcome: 'deployed', proven: true }, 'honest work goes on')
  },
)

t.test("a folder of somebody else's is refused with the line to write, which allows it", { skip }, async (t) => {
  const { engine, daemon, next, first, dir, policy } = await open(t)
  const folder = dirname(daemon.certPath)
  await chown(folder, 12_345, 0)

  const refused = await deployPair(engine, daemon, next)

  t.match(refused, { outcome: 'refused', host: 'untouched', code: 'PATH_NOT_ALLOWED' })
  t.match(refused.message, `policy.folders: { ${folder}: OWNER }`)
  t.same(new Set(await leavesOf(daemon)), new Set([first.sha256]))
  const allowing = await openTestEngine(dir, policy, { folders: { [folder]: 12_345 } })
  t.match(await deployPair(allowing, daemon, next), { outcome: 'deployed', proven: true })
})

t.test('a folder that is exchanged for a link after the commit is not put back through', { skip }, async (t) => {
  const { engine, daemon, next, dir } = await open(t)
  const [folder, moved, elsewhere] = [dirname(daemon.certPath), join(dir, 'moved'), join(dir, 'elsewhere')]
  await mkdir(elsewhere)
  for (const name of ['cert.pem', 'key.pem']) await writeText(join(elsewhere, name), 'of somebody else', 0o600)

  const outcome = await deployPair(engine, daemon, next, { reload_command: `sh ${join(dir, 'exchange')}` })

  t.match(outcome, { outcome: 'rollback-failed', host: 'unknown' })
  t.match(outcome.message, /tls is a link/)
  for (const name of ['cert.pem', 'key.pem']) t.equal(await readFile(join(elsewhere, name), 'utf8'), 'of somebody else')
  const [waiting] = await recover(engine)
  t.match(waiting, { did: 'could not put back', error: { details: { setting: 'policy.folders' } } })

  await rename(folder, join(dir, 'link'))
  await rename(moved, folder)
  t.match(await recover(engine), [{ did: 'put back', error: null }], 'as soon as the folder is back')
})

interface Opened {
  readonly dir: string
  readonly engine: Engine
  readonly daemon: Daemon
  readonly first: TestPair
  readonly next: TestPair
  readonly policy: readonly string[]
}

/** A Postfix of its own, and a policy that names no folder. */
async function open(t: Test): Promise<Opened> {
  const dir = await makeTemporaryFolder('waxseal-where-')
  const [first, next] = await Promise.all([1, 2].map(() => authority.issue({ names })))
  if (first === undefined || next === undefined) throw new Error('two pairs')
  const daemon = await startPostfix(dir, first)
  t.teardown(async () => {
    await daemon.stop()
    await removeWhenQuiet(dir)
  })
  const tls = dirname(daemon.certPath)
  const exchange = `mkdir ${dir}/exchanged && mv ${tls} ${dir}/moved && ln -s ${dir}/elsewhere ${tls} && exit 1`
  await writeText(join(dir, 'exchange'), `${exchange}\nexec ${daemon.reload.join(' ')}\n`)
  const policy = [...[daemon.check, daemon.reload].map((words) => words.join(' ')), `sh ${dir}/exchange`]
  return { dir, daemon, first, next, policy, engine: await openTestEngine(dir, policy, { folders: {} }) }
}
