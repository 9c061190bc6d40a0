import t from 'tap'
import { closedFolders, judgeUnits } from '../../../src/examine/examine-units.ts'
import type { DeploymentRecord } from '../../../src/journal/deployment-record.ts'

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

function recordOf(path: string): DeploymentRecord {
  const file = { path, role: 'key', digest: '', mode: 0o640, uid: 0, gid: 0 } as const
  return { files: [file] } as unknown as DeploymentRecord
}
