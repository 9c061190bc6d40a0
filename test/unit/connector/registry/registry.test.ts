import t from 'tap'
import type { Connector } from '../../../../src/connector/connector.ts'
import { builtInConnectors } from '../../../../src/connector/registry/built-in.ts'
import { createRegistry } from '../../../../src/connector/registry/registry.ts'

const [first, second] = builtInConnectors
if (first === undefined || second === undefined) throw new Error('there are no built-in connectors')

t.test('a connector is found by its name and by each alias, in any case', async (t) => {
  const registry = createRegistry(builtInConnectors)

  for (const connector of builtInConnectors) {
    for (const name of [connector.name, ...connector.aliases]) {
      for (const spelt of [name, name.toUpperCase(), name.toLowerCase()])
        t.equal(registry.find(spelt), connector, spelt)
    }
  }
})

t.test('an unknown name is refused with those that are known', async (t) => {
  const registry = createRegistry(builtInConnectors)

  for (const name of ['Sendmail', '', 'constructor', '__proto__', 'postfix ']) {
    t.throws(() => registry.find(name), {
      code: 'CONNECTOR_UNKNOWN',
      details: { connector: name, known: builtInConnectors.map((connector) => connector.name) },
    })
  }
})

t.test('an unknown name is cut off in the error', async (t) => {
  const registry = createRegistry([first])

  t.throws(() => registry.find('x'.repeat(5000)), {
    code: 'CONNECTOR_UNKNOWN',
    details: { connector: /^x{100}$/ },
  })
})

t.test('two connectors of one name are refused, whichever of their names it is', async (t) => {
  const twins: readonly Connector[] = [
    { ...second, name: first.name, aliases: [] },
    { ...second, name: 'other', aliases: [first.name.toUpperCase()] },
    { ...second, name: 'other', aliases: first.aliases },
  ]

  for (const twin of twins) t.throws(() => createRegistry([first, twin]), { code: 'INTERNAL' })
})

t.test('an alias that is the name in another case takes nobody’s place', async (t) => {
  const registry = createRegistry([{ ...first, name: 'exim', aliases: ['Exim', 'EXIM'] }])

  t.equal(registry.find('Exim').name, 'exim')
  t.equal(registry.connectors.length, 1)
})
