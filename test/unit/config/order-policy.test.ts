import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import { localHostname } from '../../../src/host/host-facts.ts'
import { makeSigner } from '../../support/orders.ts'

const [one, two] = [makeSigner(), makeSigner()]
const pem = `-----BEGIN PUBLIC KEY-----\n${one.spki}\n-----END PUBLIC KEY-----\n`

t.test(
  'a host pins one key or two, each in a file or as it stands, and goes by its host name or by what is written',
  async (t) => {
    const { load, file } = await open(t)
    await writeFile(file, pem)

    t.equal(await load({}), null)
    t.match(await load({ orders: { keys: [file] } }), { keys: [{ spki: one.spki }], host: localHostname() })
    t.match(await load({ orders: { keys: [two.spki, file], host: 'mx1.example.net' } }), {
      keys: [{ spki: two.spki }, { spki: one.spki }],
      host: 'mx1.example.net',
    })
  },
)

t.test('keys that cannot be read are an error of the configuration, and never none', async (t) => {
  const { load, file } = await open(t)
  await writeFile(file, pem)
  await chmod(file, 0o666)
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{ keys: [file] }, /policy\.orders\.keys\[0\]/],
    [{ keys: [one.spki, `${file}.none`] }, /policy\.orders\.keys\[1\]/],
    [{ keys: [one.keyPem] }, /policy\.orders\.keys\[0\]/],
    [{ keys: ['AAAA'] }, /policy\.orders\.keys\[0\]/],
    [{ keys: [] }, /policy\.orders\.keys/],
    [{ keys: [one.spki, two.spki, one.spki] }, /policy\.orders\.keys/],
    [{}, /policy\.orders/],
    [{ keys: [one.spki], host: '' }, /policy\.orders\.host/],
    [{ keys: [one.spki], other: 1 }, /policy\.orders\.other/],
    [null, /policy\.orders/],
  ]
  for (const [orders, path] of cases)
    await t.rejects(load({ orders }), { code: 'CONFIG_INVALID', details: { path } }, JSON.stringify(orders))
})

async function open(t: Test) {
  const dir = t.testdir()
  const config = join(dir, 'waxseal.yaml')
  return {
    file: join(dir, 'orders.pem'),
    load: async (policy: object) => {
      await writeFile(config, JSON.stringify({ policy }))
      return (await loadConfig({ file: config, env: {} })).policy.orders
    },
  }
}
