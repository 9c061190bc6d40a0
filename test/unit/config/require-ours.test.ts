import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { readCredential } from '../../../src/config/credential.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { isRoot } from '../../../src/host/host-facts.ts'
import { readPassword } from '../../../src/host/process/host-password.ts'

const asRoot = { skip: isRoot() ? false : 'only root can give files away' }
const nobody = 65_534

t.test('a configuration that another user can change is refused, with the command that mends it', asRoot, async (t) => {
  const { folder, file } = layOut(t.testdir(), 'waxseal.yaml', 'log_level: debug\n', 0o644)
  const load = (): Promise<Config> => loadConfig({ file, env: {} })

  for (const place of [folder, file]) {
    chownSync(place, nobody, 0)
    const hint = `Look at what is in it, then run: chown root ${place}`
    await t.rejects(load(), { code: 'CONFIG_INVALID', details: { reason: `${place} belongs to another user`, hint } })
    chownSync(place, 0, 0)
    chmodSync(place, 0o766)
    await t.rejects(load(), { code: 'CONFIG_INVALID', details: { reason: `others may write ${place}` } })
    chmodSync(place, 0o755)
  }
  t.match(await load(), { logLevel: 'debug' })
})

t.test('a credential that another user can exchange is refused', asRoot, async (t) => {
  const { folder, file } = layOut(t.testdir(), 'credential', 'wax-credential', 0o600)
  const plane = {
    url: 'https://127.0.0.1',
    caFile: null,
    agentId: 'a',
    agentName: null,
    credentialFile: file,
    clientCertificate: null,
  }

  chownSync(folder, nobody, 0)
  const hint = `Look at what is in it, then run: chown root ${folder}`
  await t.rejects(readCredential(plane, {}), { code: 'CONFIG_INVALID', details: { file, hint } })
  chownSync(folder, 0, 0)
  t.equal(await readCredential(plane, {}), 'wax-credential')
})

t.test('a password that another user can exchange is refused', asRoot, async (t) => {
  const { folder } = layOut(t.testdir(), 'java', 'secret\n', 0o600)

  chownSync(folder, nobody, 0)
  t.match(await readPassword(folder, 'java'), { reason: `${folder} belongs to another user: chown root ${folder}` })
  chownSync(folder, 0, 0)
  t.match(await readPassword(folder, 'java'), { password: 'secret' })
})

function layOut(dir: string, name: string, text: string, mode: number) {
  const folder = join(dir, 'folder')
  const file = join(folder, name)
  mkdirSync(folder)
  writeFileSync(file, text)
  chmodSync(folder, 0o755)
  chmodSync(file, mode)
  return { folder, file }
}
