import t from 'tap'
import { makeTemporaryFolder } from '../../../src/host/file/plain-files.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { serveAnotherLeaf } from '../../support/another-leaf.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { issueAll, startNginxSites } from '../../support/nginx-sites.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

const authority = await (await makeAuthority()).intermediate()
const sites = Array.from({ length: 50 }, (_, index) => `site-${index}.example.net`)

t.test('50 jobs for 50 names of one nginx', { skip: unlessInstalled('nginx') }, async (t) => {
  const dir = await makeTemporaryFolder('waxseal-batch-')
  const host = await startNginxSites(dir, await issueAll(authority, sites))
  t.teardown(async () => {
    await host.stop()
    await removeWhenQuiet(dir)
  })

  await t.test('are one check and one reload, with a result each', async (t) => {
    const pairs = await issueAll(authority, sites)

    const outcomes = await host.deploy(pairs)

    t.same(tally(outcomes), { deployed: 50 })
    t.same(await host.counts(), { check: 2, reload: 1 }, 'one check before anything is touched, one behind it')
    t.ok([...outcomes.values()].every(({ probes }) => probes.length === 1 && probes[0]?.ok === true))
    t.same(await host.served(), leaves(pairs))
  })

  await t.test('with three bad ones among them are 47 deployed, and each bad one says why', async (t) => {
    const before = await host.served()
    const pairs = await issueAll(authority, sites)
    const bad = { mismatch: sites[7] ?? '', expired: sites[23] ?? '', unseen: sites[41] ?? '' }
    const other = await authority.issue({ names: ['other.example.net'] })
    pairs.set(bad.mismatch, { ...(await authority.issue({ names: [bad.mismatch] })), keyPem: other.keyPem })
    pairs.set(
      bad.expired,
      await authority.issue({ names: [bad.expired], notBefore: new Date(0), notAfter: new Date(1e12) }),
    )

    const outcomes = await host.deploy(pairs, { [bad.unseen]: { endpoints: [await serveAnotherLeaf(t)] } })

    t.same(tally(outcomes), { deployed: 47, refused: 2, 'rolled-back': 1 })
    t.match(outcomes.get(bad.mismatch), { code: 'KEY_MISMATCH', host: 'untouched' })
    t.match(outcomes.get(bad.expired), { code: 'CERTIFICATE_EXPIRED', host: 'untouched' })
    t.match(outcomes.get(bad.unseen), { code: 'VERIFY_FAILED', host: 'restored' })
    t.same((await host.counts()).reload, 5, 'all, undone, the good ones, the bad one, undone')
    const expected = leaves(pairs)
    for (const name of Object.values(bad)) expected.set(name, before.get(name) ?? null)
    t.same(await host.served(), expected)
    t.same(await host.engine.journal.list(), [])
  })

  await t.test('when the reload itself fails are each tried alone, and every name keeps its pair', async (t) => {
    const before = await host.served()
    await host.breakReload(true)

    const outcomes = await host.deploy(await issueAll(authority, sites.slice(0, 3)))

    t.same(tally(outcomes), { 'rolled-back': 3 })
    t.ok([...outcomes.values()].every(({ code, host: state }) => code === 'ACTIVATE_FAILED' && state === 'restored'))
    await host.breakReload(false)
    t.same(await host.served(), before)
  })

  await t.test('two for one target among them are both done, in their order', async (t) => {
    const [name = ''] = sites
    const [older, newer] = [await authority.issue({ names: [name] }), await authority.issue({ names: [name] })]
    const ended: string[] = []

    await host.deployOrders([
      host.order(name, older, {}, (outcome) => ended.push(`older ${outcome.outcome}`)),
      host.order(name, newer, {}, (outcome) => ended.push(`newer ${outcome.outcome}`)),
    ])

    t.same(ended, ['older deployed', 'newer deployed'])
    t.equal((await host.served()).get(name), newer.sha256)
  })
})

function leaves(pairs: ReadonlyMap<string, TestPair>): Map<string, string | null> {
  return new Map([...pairs].map(([name, { sha256 }]) => [name, sha256]))
}

function tally(outcomes: ReadonlyMap<string, Outcome>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes.values()) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
