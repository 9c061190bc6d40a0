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

t.test(
  'that a host begins or ends to answer challenges is told to need a start, where it has a control plane',
  async (t) => {
    const dir = t.testdir({})
    const accounts = ['A'.repeat(43)]
    const [none, any, one] = await Promise.all(
      [{}, { acme: { http: { responder: true } } }, { acme: { http: { responder: true, accounts } } }].map(
        (policy, index) => configOf(dir, policy, index),
      ),
    )

    t.same(needRestart(none as Config, any as Config, false), ['policy.acme.http'])
    t.same(needRestart(any as Config, none as Config, false), ['policy.acme.http'])
    t.same(needRestart(any as Config, one as Config, false), [], 'the deployer reads it before each job')
    t.same(needRestart(none as Config, any as Config, true), [], 'it is told when there is a control plane')
  },
)

async function configOf(dir: string, policy: object, index: number): Promise<Config> {
  const file = join(dir, `waxseal-${index}.yaml`)
  await writeText(file, JSON.stringify({ state_dir: join(dir, 'state'), policy }))
  return loadConfig({ file, env: {} })
}
