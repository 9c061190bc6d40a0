import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { examineFolders } from '../../../src/examine/examine-folders.ts'
import type { AskedWiring } from '../../../src/examine/examine-wiring.ts'
import type { DeploymentRecord } from '../../../src/journal/deployment-record.ts'

const skip = process.geteuid?.() === 0 ? false : 'only root can give a folder to somebody else'

t.test("a root that is a user's is told with the line to write, which makes it well", { skip }, async (t) => {
  const root = join(t.testdir({ home: { tls: {} } }), 'home/tls')
  chownSync(root, 65_534, 0)

  t.match(await examineFolders(policyOf({ roots: [root] }), [], []), {
    verdict: 'failed',
    detail: new RegExp(
      `No deployment goes into ${root}: .* belongs to user 65534.*policy\\.folders: \\{ ${root}: OWNER \\}`,
    ),
  })
  const folders = [{ path: root, owner: '65534', group: null }]
  t.match(await examineFolders(policyOf({ roots: [root], folders }), [], []), { verdict: 'ok', detail: /^1 were/ })
})

t.test(
  'the folders of what was deployed and of what daemons read are looked at, where their links lead',
  { skip },
  async (t) => {
    const root = t.testdir({ deployed: { 'key.pem': '' }, read: {}, elsewhere: {} })
    symlinkSync('../deployed/key.pem', join(root, 'read/linked.pem'))
    for (const name of ['deployed', 'elsewhere']) chmodSync(join(root, name), 0o777)
    const roots = [join(root, 'read'), join(root, 'deployed')]
    const record = { files: [{ path: join(root, 'deployed/key.pem') }] } as unknown as DeploymentRecord

    for (const [records, wiring] of [
      [[record], []],
      [[], [wiringOf(join(root, 'read/linked.pem'))]],
    ] as const) {
      const { verdict, detail } = await examineFolders(policyOf({ roots: [root] }), records, wiring)

      t.equal(verdict, 'failed')
      t.match(detail, `${join(root, 'deployed')} may be written by everybody`)
      t.notMatch(detail, 'elsewhere')
    }
    t.match(await examineFolders(policyOf({ roots }), [], [wiringOf(join(root, 'elsewhere/a.pem'))]), {
      detail: /deployed/,
    })
  },
)

t.test('what is not there, or below no root, is no fault', async (t) => {
  const root = t.testdir({ roots: {} })
  mkdirSync(join(root, 'open'))
  chmodSync(join(root, 'open'), 0o777)
  const policy = policyOf({ roots: [join(root, 'roots'), join(root, 'nowhere')] })

  for (const path of [join(root, 'open/a.pem'), join(root, 'nowhere/a.pem'), 'relative.pem', 'data:x'])
    t.match(await examineFolders(policy, [], [wiringOf(path)]), { verdict: 'ok' }, path)
})

function policyOf(policy: Partial<Config['policy']>): Pick<Config, 'policy'> {
  return { policy: { roots: [], folders: [], ...policy } as unknown as Config['policy'] }
}

function wiringOf(path: string): AskedWiring {
  return { connector: 'postfix', found: { listeners: [], maps: [], named: [path], doubts: [] } }
}
