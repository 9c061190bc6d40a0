import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { buildPackages } from '../../packaging/build-packages.ts'
import { root } from '../../packaging/root.ts'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'

t.test('a second build of the package is equal to the first one, byte for byte', async (t) => {
  const first = join(root, 'dist')
  const second = await makeTemporaryFolder('waxseal-second-build-')
  t.teardown(() => removeTree(second))
  const names = (await readdir(first)).filter((name) => name.endsWith('_amd64.deb'))
  t.equal(names.length, 1, 'npm run package was run')

  await buildPackages(root, second, ['amd64'])

  for (const name of names) t.equal(await digestOf(join(second, name)), await digestOf(join(first, name)), name)
})

async function digestOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}
