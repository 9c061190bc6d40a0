import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { envoy } from '../../../../src/connector/envoy/envoy.ts'
import { planOf } from '../plan-of.ts'

const connector = envoy as Connector

t.test('nothing is run, and the names have the published defaults', async (t) => {
  const plan = await planOf(connector, { cert_dir: '/srv/envoy' })

  t.match(plan, { service: 'envoy', check: null, activate: [], recover: [] })
  t.same(
    plan.files.map(({ path, role }) => [path, role]),
    [
      ['/srv/envoy/key.pem', 'key'],
      ['/srv/envoy/cert.pem', 'certificate'],
    ],
  )
})

t.test('the certificate file has the whole chain although chain_filename asks for it once more', async (t) => {
  const { files } = await planOf(connector, { chain_filename: 'chain.pem' })
  const text = (role: string): string =>
    Buffer.from(files.find((file) => file.role === role)?.contents ?? []).toString()

  t.ok(text('chain').length > 0)
  t.ok(text('certificate').endsWith(text('chain')))
})

t.test('mode, owner and group of each file are the target’s', async (t) => {
  const { files } = await planOf(connector, {
    chain_filename: 'chain.pem',
    key_file_mode: '0640',
    key_file_group: 'envoy',
    chain_file_mode: '0444',
    cert_file_owner: 'envoy',
    sds_config: true,
  })

  t.same(
    files.map(({ role, mode, owner, group }) => [role, mode, owner, group]),
    [
      ['key', 0o640, 'keep', 'envoy'],
      ['chain', 0o444, 'keep', 'keep'],
      ['certificate', 'keep', 'envoy', 'keep'],
      ['other', 0o644, 'keep', 'keep'],
    ],
  )
})

t.test('a file name that is a path is refused', async (t) => {
  for (const field of ['cert_filename', 'key_filename', 'chain_filename'])
    for (const name of ['../a', '/a', 'a/b', '..'])
      await t.rejects(planOf(connector, { [field]: name }), { code: 'TARGET_INVALID', details: { field } }, name)
})
