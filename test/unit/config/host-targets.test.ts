import { chmod, chown, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type HostTargets, readHostTargets } from '../../../src/config/host-targets.ts'
import { makeTemporaryFolder, removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { isRoot } from '../../../src/host/host-facts.ts'

const postfix = 'target_id: target-1\nconnector: postfix\nkey_path: /etc/postfix/certs/key.pem\n'

t.test('a folder that is not there has no targets', async (t) => {
  t.same(await readHostTargets('/nowhere/targets'), { targets: [], broken: [] })
})

t.test('a file is a target: what jobs call it, its connector and its fields', async (t) => {
  const { targets, broken, dir } = await read(t, { 'mail.yaml': postfix, 'README.md': 'x', '.mail.yaml.swp': 'x' })

  t.same(broken, [])
  t.same(targets, [
    {
      name: 'mail',
      file: join(dir, 'mail.yaml'),
      targetId: 'target-1',
      targetName: 'mail',
      connector: 'postfix',
      fields: { key_path: '/etc/postfix/certs/key.pem' },
    },
  ])
})

t.test('a target without an id goes by its name: of its file, or as it says', async (t) => {
  const { targets } = await read(t, {
    'a.yaml': 'connector: postfix\n',
    'b.yaml': 'target_name: mx1-dovecot\nconnector: dovecot\n',
  })

  t.match(targets, [
    { targetId: null, targetName: 'a' },
    { targetId: null, targetName: 'mx1-dovecot' },
  ])
})

const wrong: readonly (readonly [string, string, RegExp])[] = [
  ['a.yaml', 'target_id: x\n', /connector/],
  ['a.yaml', 'connector: [postfix]\n', /connector/],
  ['a.yaml', 'target_id: 17\nconnector: postfix\n', /target_id/],
  ['a.yaml', 'connector: postfix\n  key: : x\n', /^line \d, column \d+: /],
  ['a.yaml', '- postfix\n', /mapping/],
  ['a.yaml', '', /mapping/],
  ['a.yaml', `connector: postfix\nx: ${'y'.repeat(70_000)}\n`, /larger than/],
  ['a.yml', 'connector: postfix\n', /end in \.yaml/],
  ['a b.yaml', 'connector: postfix\n', /its name/],
]
for (const [name, text, reason] of wrong)
  t.test(`${name} with ${JSON.stringify(text.slice(0, 40))} is of no use, and harms no other`, async (t) => {
    const { targets, broken } = await read(t, { 'good.yaml': postfix, [name]: text })

    t.match(targets, [{ name: 'good' }])
    t.match(broken, [{ file: RegExp(`/${name.replace('.', '\\.')}$`), reason }])
  })

t.test('of two files for one target neither is used', async (t) => {
  const { targets, broken } = await read(t, { 'a.yaml': postfix, 'b.yaml': postfix, 'c.yaml': 'connector: postfix\n' })

  t.match(targets, [{ name: 'c' }])
  t.match(broken, [{ reason: /b\.yaml is for the same target/ }, { reason: /a\.yaml is for the same target/ }])
})

t.test(
  'a file that others may write, or that is theirs, is refused with the way out',
  { skip: !isRoot() },
  async (t) => {
    const dir = await folder(t)
    for (const name of ['group', 'foreign', 'linked']) await writeText(join(dir, `${name}.yaml`), postfix)
    await chmod(join(dir, 'group.yaml'), 0o664)
    await chown(join(dir, 'foreign.yaml'), 65_534, 65_534)
    await chmod(join(dir, 'linked.yaml'), 0o600)
    await mkdir(join(dir, 'open'))
    await chmod(join(dir, 'open'), 0o777)
    await writeText(join(dir, 'open', 'x.yaml'), postfix)
    await symlink(join(dir, 'open', 'x.yaml'), join(dir, 'way.yaml'))
    await symlink('/nowhere', join(dir, 'none.yaml'))

    const { targets, broken } = await readHostTargets(dir)

    t.match(targets, [{ name: 'linked' }])
    t.match(broken, [
      { name: 'foreign', reason: /another user: chown root .*foreign\.yaml/, targetId: null, targetName: null },
      { name: 'group', reason: /others may write .*group\.yaml: chmod go-w/ },
      { name: 'none', reason: /ENOENT/ },
      { name: 'way', reason: /others may write .*open: chmod go-w/ },
    ])
  },
)

async function read(
  t: Parameters<typeof folder>[0],
  files: Readonly<Record<string, string>>,
): Promise<HostTargets & { readonly dir: string }> {
  const dir = await folder(t)
  for (const [name, text] of Object.entries(files)) await writeText(join(dir, name), text)
  return { dir, ...(await readHostTargets(dir)) }
}

async function folder(t: { teardown(end: () => Promise<void>): unknown }): Promise<string> {
  const dir = await makeTemporaryFolder('waxseal-targets-')
  t.teardown(() => removeTree(dir))
  return dir
}
