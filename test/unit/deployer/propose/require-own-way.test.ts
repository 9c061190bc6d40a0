import { chownSync, existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { PolicyConfig } from '../../../../src/config/config.ts'
import { requireOwnWay } from '../../../../src/deployer/propose/require-own-way.ts'
import { plannedFile } from '../../../support/changes.ts'

const skip = process.geteuid?.() === 0 ? false : 'only root can give a folder to somebody else'
const bob = 12_345
const plan = { generation: null } as const

t.test(
  'a link in a folder that somebody else writes in leads nowhere, unless policy names them for where it leads, too',
  { skip },
  async (t) => {
    const dir = t.testdir({ home: { tls: t.fixture('symlink', '../real') }, real: { 'a.pem': '' } })
    const path = join(dir, 'home/tls/a.pem')
    await requireOwnWay(to(path), plan, engine([]))
    chownSync(join(dir, 'home'), bob, 0)

    await t.rejects(requireOwnWay(to(path), plan, engine([])), {
      code: 'PATH_NOT_ALLOWED',
      details: { path: join(dir, 'home'), reason: /belongs to user 12345/, setting: 'policy.folders' },
    })
    const theirs = (name: string) => ({ path: join(dir, name), owner: '12345', group: null })
    await t.rejects(requireOwnWay(to(path), plan, engine([theirs('home')])), {
      code: 'PATH_NOT_ALLOWED',
      details: { path, reason: /leads to .*real\/a\.pem by a link/ },
    })
    await requireOwnWay(to(path), plan, engine([theirs('home'), theirs('real')]))
  },
)

t.test(
  'a table is compiled where nobody but root can write it, and no line of the policy says otherwise',
  { skip },
  async (t) => {
    const dir = t.testdir({ tables: { sni: '' } })
    const source = join(dir, 'tables/sni')
    const tables = [{ source, command: ['postmap', '-F', `hash:${source}`] as const, others: [] }]
    await requireOwnWay(to(join(dir, 'a.pem')), { ...plan, tables }, engine([]))

    for (const place of [source, join(dir, 'tables')]) {
      chownSync(place, bob, 0)
      const folders = [{ path: join(dir, 'tables'), owner: '12345', group: null }]
      await t.rejects(requireOwnWay(to(join(dir, 'a.pem')), { ...plan, tables }, engine(folders)), {
        code: 'PATH_NOT_ALLOWED',
        details: { path: source, reason: /the table: .* belongs to another user/ },
      })
      chownSync(place, 0, 0)
    }
  },
)

function to(path: string) {
  const destination = existsSync(path) ? realpathSync(path) : path
  return { files: [{ file: plannedFile(path, 'new'), destination }], link: null }
}

function engine(folders: PolicyConfig['folders']) {
  return { policy: { folders } as PolicyConfig }
}
