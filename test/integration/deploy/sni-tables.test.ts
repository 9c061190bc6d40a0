import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runOrThrow } from '../../../src/demo/mail-host/daemon.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { bundleOf, seenBy, startWired, type WiredHost } from '../connector/wired-host.ts'

const authority = await (await makeAuthority()).intermediate()
const otherAuthority = await makeAuthority('another')
const issue = (name: string): Promise<TestPair> => authority.issue({ names: [name] })
const [first, one, two, three, next] = await Promise.all([
  issue('mail.example.net'),
  issue('one.example.org'),
  otherAuthority.issue({ names: ['two.example.org'] }),
  issue('a.three.example.org'),
  issue('one.example.org'),
])
const skip = unlessInstalled('postfix')

const breakages = [
  ['is missing', (path: string) => rename(path, `${path}.away`)],
  ['is torn', async (path: string) => writeFile(path, (await readFile(path, 'utf8')).slice(0, 300))],
  ['has the key of another', (path: string) => writeFile(path, next.keyPem + two.certificatePem)],
  ['is empty', (path: string) => writeFile(path, '')],
] as const

for (const name of ['two', 'three'] as const)
  for (const [what, breakIt] of breakages)
    t.test(`a table is not compiled anew while the pair of another name (${name}) ${what}`, { skip }, async (t) => {
      const host = await start(t)
      const before = await host.leaves()
      await breakIt(join(host.dir, `${name}.pem`))

      const outcome = await deployOne(host)

      t.match(outcome, { outcome: 'refused', host: 'untouched', code: 'TABLE_BROKEN', stage: 'preflight' })
      t.match(outcome.message, `${name}.example.org`)
      t.match(outcome.message, join(host.dir, `${name}.pem`))
      t.equal(await readFile(join(host.dir, 'one.pem'), 'utf8'), bundleOf(one))
      t.same(await host.leaves(), before, 'every name is served as before')
    })

t.test('a name that the table has lost already is told, and holds up no other', { skip }, async (t) => {
  const host = await start(t)
  await rename(join(host.dir, 'two.pem'), join(host.dir, 'two.away'))
  await runOrThrow(['postmap', '-F', `hash:${join(host.dir, 'sni')}`])

  const outcome = await deployOne(host)

  t.match(outcome, { outcome: 'deployed', warnings: [/no pair for two\.example\.org: .*two\.pem is missing/] })
  t.same(await host.leaves(), [next.sha256, first.sha256, three.sha256])
})

t.test('the other names are looked at behind it: one that is served otherwise undoes it', { skip }, async (t) => {
  const host = await start(t)
  const before = await host.leaves()
  const other = await issue('two.example.org')
  await writeFile(join(host.dir, 'other.pem'), bundleOf(other), { mode: 0o600 })
  await copyFile(join(host.dir, 'two.pem'), join(host.dir, 'two.before'))
  const exchange = join(host.dir, 'exchange')
  await writeFile(
    exchange,
    `#!/bin/sh\ncp ${host.dir}/other.pem ${host.dir}/two.pem\npostmap -F hash:${host.dir}/sni\n`,
    {
      mode: 0o755,
    },
  )

  const undone = await host.deploy(next, { ...paths(host), reload_command: exchange })

  t.match(undone, { outcome: /rolled-back|rollback-failed/, code: /VERIFY_FAILED|ROLLBACK_FAILED/ })
  t.match(undone.message, other.sha256)
  await copyFile(join(host.dir, 'two.before'), join(host.dir, 'two.pem'))
  await runOrThrow(['postmap', '-F', `hash:${join(host.dir, 'sni')}`])
  t.match(await deployOne(host), { outcome: 'deployed', warnings: [] })
  t.same(await host.leaves(), [next.sha256, ...before.slice(1)])
})

interface TableHost extends WiredHost {
  /** Of one, two, and a name below three. */
  leaves(): Promise<readonly (string | null)[]>
}

async function start(t: Test): Promise<TableHost> {
  const host = await startWired(t, 'postfix', first, (dir) => ({
    main: `tls_server_sni_maps = hash:${dir}/sni\n`,
    map: 'sni',
    files: {
      'one.pem': bundleOf(one),
      'two.pem': bundleOf(two),
      'three.pem': bundleOf(three),
      sni: `one.example.org ${dir}/one.pem\ntwo.example.org ${dir}/two.pem\n.three.example.org ${dir}/three.pem\n`,
    },
    commands: [`${dir}/exchange`],
  }))
  const [port] = host.daemon.ports
  if (port === undefined) throw new Error('it has a port')
  const listener = { host: '127.0.0.1', ...port }
  const names = ['one.example.org', 'two.example.org', 'a.three.example.org']
  return { ...host, leaves: () => Promise.all(names.map((name) => seenBy(listener, name))) }
}

function deployOne(host: WiredHost): ReturnType<WiredHost['deploy']> {
  return host.deploy(next, paths(host))
}

function paths({ dir }: WiredHost): { readonly cert_path: string; readonly key_path: string } {
  return { cert_path: join(dir, 'one.pem'), key_path: join(dir, 'one.pem') }
}
