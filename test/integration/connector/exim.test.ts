import { execFile } from 'node:child_process'
import { chmod, chown, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { deployPair, leavesOf } from '../../support/deployment.ts'
import { behavesLikeAMailDaemon, startFor } from './behaves-like-a-mail-daemon.ts'
import { startExim, unlessUnpacked } from './conflicting-daemons.ts'

t.test('on a real exim', { skip: unlessUnpacked() }, async (t) => {
  const running = await startFor(t, startExim)
  await behavesLikeAMailDaemon(t, running)

  await t.test('a target without endpoints is probed at every port that Exim says it has', async (t) => {
    const { daemon, engine, issue } = running
    const pair = await issue()
    const config = join(dirname(dirname(daemon.certPath)), 'exim.conf')

    const outcome = await deployPair(engine, daemon, pair, {
      daemon_config: config,
      endpoints: undefined,
      validate_command: undefined,
    })

    t.match(outcome, { outcome: 'deployed', code: null, warnings: [] })
    t.same(
      outcome.probes.map(({ address, protocol, ok }) => ({ address, protocol, ok })),
      daemon.ports.map(({ port, protocol }) => ({ address: `127.0.0.1:${port}`, protocol, ok: true })),
    )
    t.same(new Set(await leavesOf(daemon)), new Set([pair.sha256]))
  })

  await t.test(
    'a key that Exim may read by an access control list alone is followed by one that it may read',
    async (t) => {
      const { daemon, engine, issue } = running
      await chown(daemon.keyPath, 0, 0)
      await chmod(daemon.keyPath, 0o600)
      await promisify(execFile)('setfacl', ['-m', 'u:Debian-exim:r', daemon.keyPath])
      const pair = await issue()

      t.match(await deployPair(engine, daemon, pair), { outcome: 'deployed', code: null })

      t.same(new Set(await leavesOf(daemon)), new Set([pair.sha256]))
      const { mode, gid } = await stat(daemon.keyPath)
      t.same({ mode: mode & 0o777, gid }, { mode: 0o640, gid: 0 })
    },
  )
})
