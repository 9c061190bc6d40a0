import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { closedFolders, examineKeys, examinePolicy, judgeUnits } from '../../../src/examine/examine-host.ts'
import type { DeploymentRecord } from '../../../src/journal/deployment-record.ts'
import { openKeyStore } from '../../../src/material/key-store.ts'

t.test('what the policy no longer allows is told with the folder to add', async (t) => {
  const dir = t.testdir({ live: { 'key.pem': 'x' }, 'waxseal.yaml': '' })
  const config = await configOf(dir)

  t.match(await examinePolicy(config, [recordOf(join(dir, 'live/key.pem'))]), { verdict: 'ok' })
  t.match(await examinePolicy(config, [recordOf(join(dir, 'elsewhere/key.pem'))]), {
    verdict: 'failed',
    detail: new RegExp(`add ${join(dir, 'elsewhere')} to policy.roots`),
  })
})

t.test('a key that others can read is told with the way out, and without its bytes', async (t) => {
  const dir = t.testdir({ live: { 'key.pem': 'x' }, 'waxseal.yaml': '' })
  const config = await configOf(dir)
  const { spkiSha256, keyPem } = await (await openKeyStore(join(dir, 'state/keys'))).create(async () => new Set())
  const live = join(dir, 'live/key.pem')
  await chmod(live, 0o640)
  t.match(await examineKeys(config, [recordOf(live)]), { verdict: 'ok', detail: /^1 kept, 1 deployed/ })

  await chmod(live, 0o644)
  await chmod(join(dir, 'state/keys', `${spkiSha256}.pem`), 0o640)
  const finding = await examineKeys(config, [recordOf(live)])

  t.match(finding, { verdict: 'failed', detail: /chmod 600 .*Every user may read .*chmod o= / })
  t.notMatch(finding.detail, keyPem.split('\n')[1] ?? '')
})

t.test('a sandbox that keeps the folder of a target closed is told', (t) => {
  const records = [recordOf('/srv/mail/tls/key.pem'), recordOf('/etc/postfix/key.pem')]

  t.same(closedFolders(records, 'strict', '-/etc/postfix /srv/mail/tlsx'), ['/srv/mail/tls'])
  t.same(closedFolders(records, 'strict', '-/etc/postfix -/srv/mail'), [])
  t.same(closedFolders(records, 'no', ''), [])
  t.end()
})

const courier = { LoadState: 'loaded', ActiveState: 'active', UnitFileState: 'enabled', ProtectSystem: 'strict' }
const deployer = { ...courier, ActiveState: 'inactive', ReadWritePaths: '-/etc/postfix' }
const socket = { LoadState: 'loaded', ActiveState: 'active', UnitFileState: 'enabled' }

t.test('a deployer that is at rest is well: it may write, and its socket listens', (t) => {
  t.match(judgeUnits(shown(courier, deployer, socket), [recordOf('/etc/postfix/key.pem')]), { verdict: 'ok' })
  t.end()
})

const faults = [
  ['no package', [{ LoadState: 'not-found' }, {}, {}], 'warning', /not installed/],
  [
    'a closed folder',
    [courier, { ...deployer, ReadWritePaths: '' }, socket],
    'failed',
    /edit waxseal-deploy, then .*=\/etc\/postfix$/,
  ],
  [
    'a courier that does not run',
    [{ ...courier, ActiveState: 'failed' }, deployer, socket],
    'warning',
    /start waxseal;/,
  ],
  [
    'a socket that does not listen',
    [courier, deployer, { ...socket, ActiveState: 'inactive' }],
    'failed',
    /deploy\.socket$/,
  ],
  ['no start at boot', [courier, { ...deployer, UnitFileState: 'disabled' }, socket], 'warning', /enable waxseal$/],
] as const

for (const [what, units, verdict, detail] of faults) {
  t.test(`of the units ${what} is told, with the way out`, (t) => {
    t.match(judgeUnits(shown(...units), [recordOf('/etc/postfix/key.pem')]), { verdict, detail })
    t.end()
  })
}

function shown(...units: readonly Readonly<Record<string, string>>[]): string {
  return units
    .map((unit) =>
      Object.entries(unit)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    )
    .join('\n\n')
}

function configOf(dir: string) {
  const env = { WAXSEAL_STATE_DIR: join(dir, 'state') }
  return loadConfig({ file: join(dir, 'waxseal.yaml'), env }).then((config) => ({
    ...config,
    stateDir: join(dir, 'state'),
    policy: { ...config.policy, roots: [join(dir, 'live')] },
  }))
}

function recordOf(path: string): DeploymentRecord {
  const file = { path, role: 'key', digest: '', mode: 0o640, uid: 0, gid: 0 } as const
  return { files: [file] } as unknown as DeploymentRecord
}
