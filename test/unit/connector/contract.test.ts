import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtInConnectors } from '../../../src/connector/built-in.ts'
import { keepsContract } from '../../support/connector-contract.ts'

t.test('every folder of src/connector is a built-in connector of its name, and the other way round', async (t) => {
  const source = fileURLToPath(new URL('../../../src/connector', import.meta.url))

  const entries = await readdir(source, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)

  t.same(
    folders.toSorted(),
    builtInConnectors.map(({ name }) => name),
  )
})

for (const connector of builtInConnectors) {
  t.test(`${connector.name} keeps the contract of a connector`, (t) => keepsContract(t, connector))
}
