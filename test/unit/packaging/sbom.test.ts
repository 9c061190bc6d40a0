import t from 'tap'
import { root } from '../../../packaging/root.ts'
import { runtimeFor } from '../../../packaging/runtime.ts'
import { sbom } from '../../../packaging/sbom.ts'

t.test('the bill of materials names each part with the version and digest of the lock file', async (t) => {
  const runtime = await runtimeFor(root, process.arch === 'x64' ? 'amd64' : 'arm64', '/nonexistent')

  const { components } = JSON.parse(await sbom(root, ['node_modules/@peculiar/x509', 'node_modules/yaml'], runtime))

  t.match(components, [
    { name: '@peculiar/x509', purl: /^pkg:npm\/%40peculiar\/x509@\d/, hashes: [{ content: /^[0-9a-f]{128}$/ }] },
    { name: 'yaml', licenses: [{ expression: 'ISC' }], hashes: [{ content: /^[0-9a-f]{128}$/ }] },
    { name: runtime.name, version: runtime.version, hashes: [{ content: /^[0-9a-f]{128}$/ }] },
  ])
})
