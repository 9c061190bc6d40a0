import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { traefik } from '../../../../src/connector/traefik/traefik.ts'
import { planOf } from '../plan-of.ts'

const connector = traefik as Connector
const pair = { cert_dir: '/srv/certs/', cert_file: 'site.crt', key_file: 'site.key' }

t.test('nothing is run: the key comes first, the certificate last, by the names of the target', async (t) => {
  const plan = await planOf(connector, pair)

  t.match(plan, { service: 'traefik', check: null, activate: [], recover: [] })
  t.same(
    plan.files.map(({ path, role, mode }) => [path, role, mode]),
    [
      ['/srv/certs/site.key', 'key', 'keep'],
      ['/srv/certs/site.crt', 'certificate', 'keep'],
    ],
  )
})

t.test('a dynamic file names the pair, byte for byte, and comes last', async (t) => {
  const { files } = await planOf(connector, { ...pair, dynamic_file: '/srv/dynamic/mail.yml' })

  t.match(files.at(-1), { path: '/srv/dynamic/mail.yml', role: 'other', mode: 0o644 })
  t.equal(
    Buffer.from(files.at(-1)?.contents ?? []).toString(),
    'tls:\n  certificates:\n    - certFile: "/srv/certs/site.crt"\n      keyFile: "/srv/certs/site.key"\n',
  )
})

t.test('a dynamic file in the place of another one is refused', async (t) => {
  const target = { ...pair, dynamic_file: '/srv/certs/site.key' }

  await t.rejects(planOf(connector, target), { code: 'TARGET_INVALID', details: { field: 'dynamic_file' } })
})

t.test('mode, owner and group of each file are the target’s, and a key that lets others in is refused', async (t) => {
  const { files } = await planOf(connector, {
    key_file_mode: '0640',
    key_file_group: 'traefik',
    cert_file_owner: 'traefik',
  })

  t.match(files, [
    { mode: 0o640, owner: 'keep', group: 'traefik' },
    { mode: 'keep', owner: 'traefik', group: 'keep' },
  ])
  await t.rejects(planOf(connector, { key_file_mode: '0644' }), {
    code: 'TARGET_INVALID',
    details: { field: 'key_file_mode' },
  })
})

t.test('a file name that is a path is refused', async (t) => {
  for (const field of ['cert_file', 'key_file'])
    for (const name of ['../a', '/a', 'a/b', '.', '..', ''])
      await t.rejects(planOf(connector, { [field]: name }), { code: 'TARGET_INVALID', details: { field } }, name)
})
