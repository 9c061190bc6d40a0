import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { courierMemoryFolder, openCourierMemory } from '../../../src/deployer/serve/courier-memory.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { addRoot } from '../../../src/server/authority/roots.ts'
import { openOperator } from '../../../src/server/client/operator-client.ts'
import { folder, openEnrolledSite } from '../../support/enrolled-site.ts'

const facts = hostFacts('0.0.0')

t.test('a host that got the next CA stays connected once that one signs', async (t) => {
  // The first is near its end: the next one signs where its key is there.
  const [first, next] = [await newCa(t, 9.9), await newCa(t, 2)]
  const caDir = await folder(t)
  await giveCa(caDir, { pem: first.pem + next.pem, key: first.key })
  const site = await openEnrolledSite(t, { caDir })
  const { url } = site.plane
  const before = await site.startAgent({ ca: first.pem, followsCa: true })
  await before.said('the CAs that the control plane hands out are trusted for it from now on')
  await before.stop()
  await site.stopPlane()
  await giveCa(caDir, { pem: first.pem + next.pem, key: first.key + next.key })
  await site.startPlane({ caDir, port: Number(new URL(url).port) })
  t.equal(site.plane.url, url)

  const after = await site.startAgent({ ca: first.pem, followsCa: true })

  t.ok(await after.heard())
  await after.stop()
  for (const followsCa of [false, true]) {
    const pinned = openControlPlane({ ...site.endpoint, ca: first.pem, followsCa })
    t.teardown(() => pinned.close())
    pinned.adopt(followsCa ? { trust: null, credential: null } : await site.membership())
    await t.rejects(pinned.heartbeat(facts), { code: 'CONTROL_PLANE_UNREACHABLE' }, 'without it, it does not')
  }
})

t.test('a CA that the administrator chose is all that is trusted, and he is told of the next one', async (t) => {
  const [first, next] = [await newCa(t), await newCa(t)]
  const caDir = await folder(t)
  await giveCa(caDir, { pem: first.pem + next.pem, key: first.key })
  const site = await openEnrolledSite(t, { caDir })

  const agent = await site.startAgent({ ca: first.pem, followsCa: false })

  await agent.said('the control plane hands out a CA that this host does not trust: its administrator chose its CAs')
  await agent.stop()
  t.equal((await site.membership()).trust, null)
})

t.test('a credential is exchanged, and the old one is good for nothing once the new one was used', async (t) => {
  const site = await openEnrolledSite(t)
  const agent = await site.startAgent()
  await agent.said('the credential of this host was exchanged')
  await agent.heard()
  await agent.heard()
  await agent.stop()

  const { credential } = await site.membership()
  t.equal(credential?.secrets.length, 1)
  t.notSame(credential?.secrets, [site.endpoint.credential])
  const old = openControlPlane(site.endpoint)
  t.teardown(() => old.close())
  await t.rejects(old.heartbeat(facts), { code: 'CONTROL_PLANE_REFUSED' })
  const again = await site.startAgent()
  t.ok(await again.heard(), 'after a start it goes on with the new one')
  await again.stop()
})

/** Where a crash may come, by what was kept until then, and which credential is in use afterwards. */
const crashes = {
  'before the answer': { uses: false, again: false, kept: [], left: [] },
  'before the new one was used': { uses: false, again: false, kept: ['next', 'old'], left: ['next'] },
  'before the old one was forgotten': { uses: true, again: false, kept: ['next', 'old'], left: ['next'] },
  'after another exchange, whose answer was lost': { uses: false, again: true, kept: ['next', 'old'], left: ['old'] },
} as const

for (const [when, { uses, again, kept, left }] of Object.entries(crashes))
  t.test(`a crash in the exchange of a credential, ${when}, leaves one that is good`, async (t) => {
    const site = await openEnrolledSite(t)
    const client = openControlPlane(site.endpoint)
    t.teardown(() => client.close())
    const secretOf = { next: await client.exchangeCredential(), old: site.endpoint.credential }
    if (again) await client.exchangeCredential()
    if (uses) {
      const used = openControlPlane({ ...site.endpoint, credential: secretOf.next })
      t.teardown(() => used.close())
      await used.heartbeat(facts)
    }
    const secrets = kept.map((name) => secretOf[name])
    const credential = { basis: client.basis.credential, since: Date.now(), secrets }
    await (await openCourierMemory(courierMemoryFolder(site.stateDir))).keep({ trust: null, credential })

    const agent = await site.startAgent()
    await agent.heard()
    await agent.heard()
    await agent.stop()

    t.same(
      (await site.membership()).credential?.secrets,
      left.map((name) => secretOf[name]),
    )
  })

t.test('a new credential that the server forgot gives way to the one that it knows', async (t) => {
  const site = await openEnrolledSite(t)
  const client = openControlPlane(site.endpoint)
  t.teardown(() => client.close())
  const { credential: basis } = client.basis
  client.adopt({ trust: null, credential: { basis, since: 0, secrets: ['never-arrived', site.endpoint.credential] } })

  await client.heartbeat(facts)

  t.equal(client.proven, site.endpoint.credential)
})

t.test('each start is counted, and a copy of a host is noticed', async (t) => {
  const site = await openEnrolledSite(t)
  const first = await site.startAgent()
  await first.heardOf()
  await first.stop()
  const copy = join(await folder(t), 'state')
  await cp(site.stateDir, copy, { recursive: true })
  const second = await site.startAgent()
  t.match(await second.heardOf(), { machine: 'a'.repeat(64), starts: 2, run: /^[0-9a-f]{32}$/ })
  await second.stop()

  const other = await site.startAgent({ stateDir: copy })

  t.equal((await other.heardOf())?.starts, 2)
  await other.stop()
  const operator = openOperator(site.plane)
  t.teardown(() => operator.close())
  const [listed] = await operator.agents()
  t.match(listed, { twin: { reason: /a copy of its machine/ } })
})

interface Ca {
  readonly pem: string
  readonly key: string
}

const yearMs = 365 * 86_400_000

/** One of this age, in years. */
async function newCa(t: Test, age = 0): Promise<Ca> {
  const made = await folder(t)
  await addRoot(made, Date.now() - age * yearMs)
  const [pem, key] = await Promise.all(['ca.pem', 'ca.key'].map((name) => readFile(join(made, name), 'utf8')))
  return { pem: pem ?? '', key: key ?? '' }
}

async function giveCa(caDir: string, { pem, key }: Ca): Promise<void> {
  await writeFile(join(caDir, 'ca.pem'), pem)
  await writeFile(join(caDir, 'ca.key'), key, { mode: 0o600 })
}
