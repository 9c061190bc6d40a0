import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { endpointOf } from '../../../../src/cli/control-plane/connect.ts'
import { loadConfig } from '../../../../src/config/load-config.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const { certificatePem } = await makeAuthority()

t.test('the CA that came with the enrolment is followed, any other is the administrator’s', async (t) => {
  const dir = t.testdir({ credential: 'secret\n', 'ca.pem': certificatePem, 'other.pem': certificatePem })
  await chmod(join(dir, 'credential'), 0o600)
  const followed = async (caFile: string | undefined): Promise<boolean | undefined> => {
    const file = join(dir, 'waxseal.yaml')
    const own = caFile === undefined ? {} : { ca_file: join(dir, caFile) }
    const control_plane = {
      url: 'https://certs.example.net',
      agent_id: 'a',
      credential_file: join(dir, 'credential'),
      ...own,
    }
    await writeFile(file, JSON.stringify({ control_plane }))
    return (await endpointOf(await loadConfig({ file, env: {} }))).followsCa
  }

  t.equal(await followed('ca.pem'), true)
  t.equal(await followed('other.pem'), false)
  t.equal(await followed(undefined), false)
})
