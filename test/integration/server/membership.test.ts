import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/load-config.ts'
import type { Heard } from '../../../src/control-plane/heard.ts'
import { type ControlPlane, openControlPlane, register } from '../../../src/control-plane/open-control-plane.ts'
import { courierMemoryFolder, readMembership } from '../../../src/deployer/serve/courier-memory.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { addRoot } from '../../../src/server/authority/roots.ts'
import { openOperator } from '../../../src/server/operator-client.ts'
import { type RunningControlPlane, startControlPlane } from '../../../src/server/start-control-plane.ts'
import { startBothHalves } from '../../support/both-halves.ts'

const facts = hostFacts('0.0.0')

t.test('a host that got the next CA stays connected once that one signs', async (t) => {
  // The first is near its end: the next one signs where its key is there.
  const [first, next] = [await newCa(t, 9.9), await newCa(t, 2)]
  const caDir = await folder(t)
  await giveCa(caDir, { pem: first.pem + next.pem, key: first.key })
  const site = await openSite(t, { caDir })
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
  const site = await openSite(t, { caDir })

  const agent = await site.startAgent({ ca: first.pem, followsCa: false })

  await agent.said('the control plane hands out a CA that this host does not trust: its administrator chose its CAs')
  await agent.stop()
  t.equal((await site.membership()).trust, null)
})

t.test('a credential is exchanged, and the old one is good for nothing once the new one was used', async (t) => {
  const site = await openSite(t)
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

t.test('a new credential that the server forgot gives way to the one that it knows', async (t) => {
  const site = await openSite(t)
  const client = openControlPlane(site.endpoint)
  t.teardown(() => client.close())
  const { credential: basis } = client.basis
  client.adopt({ trust: null, credential: { basis, since: 0, secrets: ['never-arrived', site.endpoint.credential] } })

  await client.heartbeat(facts)

  t.equal(client.proven, site.endpoint.credential)
})

t.test('each start is counted, and a copy of a host is noticed', async (t) => {
  const site = await openSite(t)
  const first = await site.startAgent()
  await first.heardOf()
  await first.stop()
  const copy = await folder(t)
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

async function folder(t: Test): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'waxseal-member-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
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

type Host = Parameters<ControlPlane['heartbeat']>[1]

/** A control plane, and one host that is enrolled there. */
async function openSite(t: Test, options: { readonly caDir?: string } = {}) {
  const dir = await folder(t)
  const stateDir = join(dir, 'state')
  await mkdir(stateDir, { mode: 0o700 })
  let plane: RunningControlPlane
  const startPlane = async (changes: { readonly caDir?: string; readonly port?: number }): Promise<void> => {
    plane = await startControlPlane({ dataDir: join(dir, 'cp'), host: '127.0.0.1', port: 0, ...changes })
  }
  await startPlane(options)
  t.teardown(() => plane.close())
  const operator = openOperator(plane!)
  const token = await operator.createToken()
  await operator.close()
  const { url, caPem } = plane!
  const { agentId, credential } = await register({ url, ca: caPem, credential: token }, 'host', facts)
  const endpoint = { url, ca: caPem, agentId, credential: credential ?? '' }
  return {
    stateDir,
    endpoint,
    get plane() {
      return plane
    },
    startPlane,
    stopPlane: () => plane.close(),
    membership: () => readMembership(courierMemoryFolder(stateDir)),
    startAgent: async (changes: { ca?: string; followsCa?: boolean; stateDir?: string } = {}) => {
      const { stateDir: ownState = stateDir, ...ofEndpoint } = changes
      return startAgent(ownState, { ...endpoint, ...ofEndpoint })
    },
  }
}

/** Both halves; what they say in their log and what their heartbeats come to can be waited for. */
async function startAgent(stateDir: string, endpoint: Parameters<typeof openControlPlane>[0]) {
  const file = join(stateDir, '..', 'waxseal.yaml')
  await writeFile(file, JSON.stringify({ state_dir: stateDir }))
  const client = openControlPlane(endpoint)
  const lines: string[] = []
  const beats: { readonly heard: Heard; readonly host: Host }[] = []
  let changed = Promise.withResolvers<void>()
  const change = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      await changed.promise
    }
  }
  const heartbeat: ControlPlane['heartbeat'] = async (about, host) => {
    const heard = await client.heartbeat(about, host)
    beats.push({ heard, host })
    change()
    return heard
  }
  // What it is made of reads its own state: a proxy changes one call, and keeps the rest alive.
  const controlPlane = new Proxy(client, {
    get: (target, name) => (name === 'heartbeat' ? heartbeat : Reflect.get(target, name)),
  })
  const halves = await startBothHalves({
    config: await loadConfig({ file, env: {} }),
    controlPlane,
    clock: { ...systemClock, random: () => 1 },
    log: pino(
      { base: null },
      {
        write: (line: string) => {
          lines.push((JSON.parse(line) as { readonly msg: string }).msg)
          change()
        },
      },
    ),
    pollIntervalMs: 200,
    heartbeatIntervalMs: 50,
  })
  return {
    said: (message: string) => until(() => (lines.includes(message) ? true : undefined)),
    /** The next heartbeat that is answered. */
    heard: () => {
      const { length } = beats
      return until(() => beats[length]?.heard)
    },
    /** Which host this is, once the server was told: not with the first heartbeat, whose answer says whether it takes that. */
    heardOf: () => {
      const { length } = beats
      return until(() => beats.slice(Math.max(length, 1)).find(({ host }) => host !== null)?.host ?? undefined)
    },
    stop: async () => {
      await halves.stop()
      await client.close()
    },
  }
}
