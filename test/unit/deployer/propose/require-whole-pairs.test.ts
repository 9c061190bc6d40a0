import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type PreparedChanges, prepareChanges } from '../../../../src/apply/prepare-changes.ts'
import { requireWholePairs } from '../../../../src/deployer/propose/require-whole-pairs.ts'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../../src/host/host-view.ts'
import type { PlannedWiring } from '../../../../src/plan/plan.ts'
import { makeAuthority, type TestPair } from '../../../support/certificates.ts'
import { plannedFile } from '../../../support/changes.ts'

const authority = await makeAuthority()
const names = ['mail.example.net']
const first = await authority.issue({ names })
const [sameKey, newKey, site] = await Promise.all([
  authority.issue({ names, keyOf: first }),
  authority.issue({ names }),
  authority.issue({ names: ['www.example.org'], keyOf: first }),
])
const view = createHostView(30_000, () => '/nowhere')

t.test('a new key that would leave another certificate without its own is refused, and named', async (t) => {
  const { dir, wiring } = await shared(t, site.certificatePem)

  await t.rejects(requireWholePairs(wiring, (await changesTo(dir, newKey)).files, view), {
    code: 'KEY_SHARED',
    details: { certificate: join(dir, 'site.pem'), names: 'www.example.org', key: join(dir, 'key.pem') },
  })
  await t.resolves(requireWholePairs(wiring, (await changesTo(dir, sameKey)).files, view))
})

t.test('what is no pair now, cannot be read, or has its key elsewhere loses nothing', async (t) => {
  const stranger = await authority.issue({ names })
  for (const text of [stranger.certificatePem, 'garbage', site.certificatePem + site.keyPem]) {
    const { dir, wiring } = await shared(t, text)

    await t.resolves(requireWholePairs(wiring, (await changesTo(dir, newKey)).files, view))
  }
})

t.test(
  'a new certificate that would be read with the old key, or without one, is refused with the path that is read',
  async (t) => {
    const { dir } = await shared(t, '')
    const elsewhere = (await changesTo(dir, newKey, 'elsewhere.pem')).files
    const together = (...files: readonly string[]): PlannedWiring => ({
      read: [],
      unread: [],
      untold: [],
      doubts: [],
      names: [],
      together: [files.map((file) => join(dir, file))],
    })

    await t.rejects(requireWholePairs(together('cert.pem', 'key.pem'), elsewhere, view), {
      code: 'PATH_NOT_READ',
      details: { path: join(dir, 'elsewhere.pem'), certificate: join(dir, 'cert.pem'), read: join(dir, 'key.pem') },
    })
    await t.resolves(
      requireWholePairs(together('cert.pem', 'key.pem'), (await changesTo(dir, sameKey, 'x')).files, view),
    )
    await writeFile(join(dir, 'cert.pem'), first.certificatePem + first.keyPem)
    await t.rejects(requireWholePairs(together('cert.pem'), elsewhere, view), { code: 'PATH_NOT_READ' })
  },
)

t.test('without such a listener nothing is read', async (t) => {
  const unread = { identity: t.fail, readFile: t.fail } as unknown as typeof view

  await t.resolves(requireWholePairs(null, [], unread))
  await t.resolves(requireWholePairs({ read: [], unread: [], untold: [], doubts: [], names: [] }, [], unread))
})

/** A listener that reads `site.pem` together with the key of the pair. */
async function shared(t: Test, text: string): Promise<{ readonly dir: string; readonly wiring: PlannedWiring }> {
  const dir = await makeTemporaryFolder('waxseal-shared-key-')
  t.teardown(() => removeTree(dir))
  await writeFile(join(dir, 'cert.pem'), first.certificatePem)
  await writeFile(join(dir, 'key.pem'), first.keyPem, { mode: 0o600 })
  await writeFile(join(dir, 'site.pem'), text.trimEnd())
  const together = [[join(dir, 'site.pem'), join(dir, 'key.pem')]]
  return { dir, wiring: { read: [], unread: [], untold: [], doubts: [], names: [], together } }
}

function changesTo(dir: string, pair: TestPair, key = 'key.pem'): Promise<PreparedChanges> {
  const files = [
    plannedFile(join(dir, 'cert.pem'), pair.certificatePem, { role: 'certificate' }),
    plannedFile(join(dir, key), pair.keyPem, { role: 'key' }),
  ]
  return prepareChanges(
    files.map((file) => ({ file, destination: file.path })),
    null,
  )
}
