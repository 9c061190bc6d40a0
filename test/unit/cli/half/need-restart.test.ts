import { join } from 'node:path'
import t from 'tap'
import { needRestart } from '../../../../src/cli/half/need-restart.ts'
import type { Config } from '../../../../src/config/config.ts'
import { loadConfig } from '../../../../src/config/load-config.ts'
import { writeText } from '../../../../src/host/file/plain-files.ts'

t.test('a change of what may be looked at from outside is told to need a start', async (t) => {
  const dir = t.testdir({})
  const [none, any, one, asked] = await Promise.all(
    [
      {},
      { look: {} },
      { look: { domains: ['example.org'] } },
      { look: { domains: ['example.org'] }, resolvers: ['192.0.2.53'] },
    ].map((policy, index) => configOf(dir, policy, index)),
  )

  t.same(needRestart(any as Config, one as Config, false), ['policy.look'])
  t.same(needRestart(one as Config, none as Config, false), ['policy.look'])
  t.same(needRestart(one as Config, asked as Config, false), ['policy.resolvers'])
  t.same(needRestart(one as Config, one as Config, false), [])
})

async function configOf(dir: string, policy: object, index: number): Promise<Config> {
  const file = join(dir, `waxseal-${index}.yaml`)
  await writeText(file, JSON.stringify({ state_dir: join(dir, 'state'), policy }))
  return loadConfig({ file, env: {} })
}
