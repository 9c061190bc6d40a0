import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { examineKeys } from '../../../src/examine/examine-keys.ts'
import type { DeploymentRecord } from '../../../src/journal/deployment-record.ts'
import { openKeyStore } from '../../../src/material/key-store.ts'

t.test('a key that others can read is told with the way out, and without its bytes', async (t) => {
  const dir = t.testdir({ live: { 'key.pem': 'x' }, 'waxseal.yaml': '' })
  const loaded = await loadConfig({ file: join(dir, 'waxseal.yaml'), env: {} })
  const config = { ...loaded, stateDir: join(dir, 'state') }
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

function recordOf(path: string): DeploymentRecord {
  const file = { path, role: 'key', digest: '', mode: 0o640, uid: 0, gid: 0 } as const
  return { files: [file] } as unknown as DeploymentRecord
}
