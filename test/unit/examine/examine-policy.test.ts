import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { examinePolicy } from '../../../src/examine/examine-policy.ts'
import type { DeploymentRecord } from '../../../src/journal/deployment-record.ts'

t.test('what the policy no longer allows is told with the folder to add', async (t) => {
  const dir = t.testdir({ live: { 'key.pem': 'x' }, 'waxseal.yaml': '' })
  const loaded = await loadConfig({ file: join(dir, 'waxseal.yaml'), env: {} })
  const config = { ...loaded, policy: { ...loaded.policy, roots: [join(dir, 'live')] } }

  t.match(await examinePolicy(config, [recordOf(join(dir, 'live/key.pem'))]), { verdict: 'ok' })
  t.match(await examinePolicy(config, [recordOf(join(dir, 'elsewhere/key.pem'))]), {
    verdict: 'failed',
    detail: new RegExp(`add ${join(dir, 'elsewhere')} to policy.roots`),
  })
})

function recordOf(path: string): DeploymentRecord {
  const file = { path, role: 'key', digest: '', mode: 0o640, uid: 0, gid: 0 } as const
  return { files: [file] } as unknown as DeploymentRecord
}
