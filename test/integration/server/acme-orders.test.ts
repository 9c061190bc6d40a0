import t from 'tap'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { listIssuers } from '../../../src/server/operation/certificate/list-issuers.ts'
import { tidyAcme } from '../../../src/server/operation/certificate/tidy-acme.ts'
import type { SigningRow } from '../../../src/server/store/rows.ts'
import type { Store } from '../../../src/server/store/store.ts'
import { type AcmeSite, openAcmeSite } from '../../support/acme-site.ts'
import { startPostgres } from '../../support/postgres.ts'

const postgres = await startPostgres(t)
const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  const database = async (): Promise<string | undefined> =>
    kind === 'SQLite' ? undefined : await postgres.newDatabase()

  t.test(`${kind}: an order goes from a CSR to a certificate, and nothing of it stays published`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const { issuer, signer } = site.server()
    const id = await site.asked(['mail.example.net', '*.example.net'])

    const signed = await site.follow(signer, id)

    t.match(signed, { state: 'signed', attempts: 0 })
    t.match(await site.store.versions.newest(signed.certificateId), { number: 1, issuer: 'test', spki: signed.spki })
    t.equal(site.ca.issued.length, 1)
    t.equal(site.zone.size, 2, 'until it is tidied')
    await issuer.tidy()
    t.equal(site.zone.size, 0)
    t.match(await site.store.issuerStates.of('test'), { account: /^https:/, error: null })
  })

  t.test(`${kind}: a record that cannot be removed is told to the log, and left after 30 days`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const refused = new WaxsealError('DNS_UPDATE_FAILED', { zone: 'example', reason: 'it refuses' })
    const solver = { ...site.solver, remove: () => Promise.reject(refused) }
    const { issuer, signer } = site.server({ solver })
    await site.follow(signer, await site.asked(['a.example']))
    const told: object[] = []
    const tidy = () => tidyAcme({ store: site.store, acme: [issuer] }, (line) => told.push(line))

    await tidy()
    await tidy()
    t.match(told, [{ code: 'DNS_UPDATE_FAILED', details: { reason: 'it refuses' }, names: ['a.example'] }])
    t.equal(told.length, 1, 'not before its time')
    site.pass(30 * dayMs)
    await tidy()
    t.match(told[1], { hint: /not tried again/ })
    site.pass(dayMs)
    await tidy()
    t.equal(told.length, 2)
  })

  t.test(`${kind}: two servers that sign at once place one order`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const [one, other] = [site.server(), site.server()]
    const id = await site.asked(['mail.example.net'])

    for (let round = 0; round < 10; round += 1) {
      await Promise.all([one.signer.sign(id), other.signer.sign(id)])
      site.pass(10_000)
    }

    t.match(await site.store.signings.byId(id), { state: 'signed' })
    t.equal(site.ca.counts.get('newOrder'), 1)
    t.equal(site.ca.issued.length, 1)
  })

  t.test(`${kind}: what a CA would refuse by its limits waits, and is no failure`, async (t) => {
    const limit = { orders: 2, inMs: 7 * dayMs }
    const site = await openAcmeSite(t, await database(), { limit })
    const limits = { sameNames: { most: 2, perMs: 7 * dayMs }, registeredDomain: null, orders: null, failures: null }
    const { signer } = site.server({ config: { limits } })
    const ids = [await site.asked(['a.example']), await site.asked(['a.example']), await site.asked(['a.example'])]
    const before = site.now()

    const signed: SigningRow[] = []
    for (const id of ids) signed.push(await site.follow(signer, id))

    for (const row of signed) t.match(row, { state: 'signed', attempts: 0 })
    t.equal(site.ca.issued.length, 3)
    t.ok(site.now() - before > 6.9 * dayMs, `${(site.now() - before) / dayMs} days`)
    t.equal(site.ca.counts.get('refusedByLimit'), undefined, 'the CA was never asked for more')
  })

  t.test(`${kind}: servers that begin at once are counted one after the other`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const limits = { sameNames: { most: 3, perMs: 7 * dayMs }, registeredDomain: null, orders: null, failures: null }
    const servers = [1, 2].map(() => site.server({ config: { limits } }).signer)
    const ids = await Promise.all(Array.from({ length: 8 }, () => site.asked(['a.example'])))

    for (let round = 0; round < 6; round += 1) {
      await Promise.all(ids.map(async (id, at) => servers[at % 2]?.sign(id)))
      site.pass(10_000)
    }

    t.equal(site.ca.counts.get('newOrder'), 3)
    t.equal(site.ca.issued.length, 3)
  })

  t.test(`${kind}: new certificates of one registered domain wait for their limit, and renewals do not`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const week = { most: 2, perMs: 7 * dayMs }
    const limits = { sameNames: null, registeredDomain: week, orders: null, failures: null }
    const { issuer, signer } = site.server({ config: { limits } })
    const first = await site.follow(signer, await site.asked(['a.example.co.uk', '*.a.example.co.uk']))
    await site.follow(signer, await site.asked(['b.example.co.uk', 'b.example.org']))
    const before = site.now()

    const third = await site.asked(['c.example.co.uk', 'c.example.org'])
    await signer.sign(third)
    const others = [
      await site.asked(['mail.other.co.uk']),
      await site.again(first.certificateId),
      await site.asked(['*.a.example.co.uk', 'a.example.co.uk']),
    ]
    for (const id of others) t.match(await site.follow(signer, id), { state: 'signed', attempts: 0 })

    t.ok(site.now() - before < hourMs, 'another domain, a renewal, and one more for the same names')
    t.ok(site.ca.issued.some(({ replaces }) => replaces === site.ca.issued[0]?.certId))
    t.match(await site.store.signings.byId(third), {
      state: 'open',
      attempts: 0,
      error: /only so many new certificates for one registered domain \(example\.co\.uk\), until 2027-01-08/,
    })
    const parts = { store: site.store, issuers: [issuer], acme: [issuer], signer }
    const used = (names: string, count: number) => ({ limit: 'registered_domain', names, used: count, ...week })
    t.match(await listIssuers(parts), [
      { limits: [used('example.co.uk', 2), used('example.org', 1), used('other.co.uk', 1)] },
    ])
    t.match(await site.follow(signer, third), { state: 'signed', attempts: 0 })
    t.ok(site.now() - before > 6.9 * dayMs, `${(site.now() - before) / dayMs} days`)
    await issuer.tidy()
    await site.store.acmeOrders.forget(site.now() + 1)
    t.same(await site.store.acmeOrders.mostOfDomain('test', 0, 9), [])
  })

  t.test(`${kind}: servers that begin at once count new certificates of one domain one after the other`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const limits = { sameNames: null, registeredDomain: { most: 3, perMs: 7 * dayMs }, orders: null, failures: null }
    const servers = [1, 2].map(() => site.server({ config: { limits } }).signer)
    const ids = await Promise.all(Array.from({ length: 8 }, (_, at) => site.asked([`mx${at}.example.net`])))

    for (let round = 0; round < 6; round += 1) {
      await Promise.all(ids.map(async (id, at) => servers[at % 2]?.sign(id)))
      site.pass(10_000)
    }

    t.equal(site.ca.counts.get('newOrder'), 3)
    t.equal(site.ca.issued.length, 3)
  })

  t.test(`${kind}: an order that fails leaves its place below the domain to the next one`, async (t) => {
    let isFound = false
    const look = async () => (isFound ? null : { type: 'dns', detail: 'NXDOMAIN looking up TXT' })
    const site = await openAcmeSite(t, await database(), { look })
    const limits = { sameNames: null, registeredDomain: { most: 1, perMs: 7 * dayMs }, orders: null, failures: null }
    const { signer } = site.server({ config: { limits } })
    const before = site.now()
    const failing = await site.asked(['a.example.net'])
    await signer.sign(failing)
    isFound = true
    const next = await site.asked(['b.example.net'])

    await signer.sign(next)
    t.match(await site.store.signings.byId(next), {
      error: /\(example\.net\)/,
      nextTryAt: before + 10 * minuteMs + 1000,
    })
    await site.store.signings.end(failing, 'failed', 'cancelled')
    site.pass(5 * minuteMs)
    await site.store.acmeOrders.endUnwanted(site.now())

    t.match(await site.follow(signer, next), { state: 'signed' })
    t.ok(site.now() - before < hourMs, `${(site.now() - before) / minuteMs} minutes`)
  })

  t.test(`${kind}: a name whose proof the CA does not find is tried no more often than its limit`, async (t) => {
    const look = async () => ({ type: 'dns', detail: 'NXDOMAIN looking up TXT' })
    const site = await openAcmeSite(t, await database(), { look, proofLivesMs: 0 })
    const limits = { sameNames: null, registeredDomain: null, orders: null, failures: { most: 3, perMs: hourMs } }
    const { signer } = site.server({ config: { limits } })
    const id = await site.asked(['a.example'])

    const end = site.now() + 50 * minuteMs
    while (site.now() < end) {
      await signer.signDue()
      site.pass(5000)
    }

    t.equal(site.ca.counts.get('newOrder'), 3)
    t.match(await site.store.signings.byId(id), { state: 'open', error: /waits/ })
  })

  t.test(`${kind}: what was published for an order that nobody waits for any more is removed`, async (t) => {
    const site = await openAcmeSite(t, await database())
    const unseen = { ...site.solver, whyNotSeen: async () => 'a secondary is late' }
    const { issuer, signer } = site.server({ solver: unseen })
    const id = await site.asked(['a.example'])
    await signer.sign(id)
    t.equal(site.zone.size, 1)

    await site.store.signings.end(id, 'failed', 'cancelled')
    await site.store.acmeOrders.endUnwanted(site.now())
    await issuer.tidy()

    t.equal(site.zone.size, 0)
  })
}

t.test('what is not seen everywhere is not shown to the CA, and after an hour it is said where', async (t) => {
  const site = await openAcmeSite(t)
  const unseen = { ...site.solver, whyNotSeen: async () => 'ns2.example (192.0.2.2) has something else' }
  const { signer } = site.server({ solver: unseen })
  const id = await site.asked(['a.example'])

  const end = site.now() + hourMs + 5 * minuteMs
  while (site.now() < end) {
    await signer.signDue()
    site.pass(20_000)
  }

  const { certificateId } = (await site.store.signings.byId(id)) ?? { certificateId: '' }
  t.match(await site.store.certificates.byId(certificateId), { lastError: /published, and is not seen.*ns2\.example/ })
  t.equal(site.ca.counts.get('challenge'), undefined)
})

t.test('a proof that was published and got lost is published again after an hour', async (t) => {
  const site = await openAcmeSite(t)
  const { signer } = site.server({
    solver: { ...site.solver, whyNotSeen: async ({ name }) => (isThere(name) ? null : 'ns2.example has none') },
  })
  const isThere = (name: string): boolean => [...site.zone].some((text) => text.startsWith(`${name} `))
  const id = await site.asked(['a.example'])
  site.zone.add = () => site.zone
  await signer.sign(id)
  t.equal(site.zone.size, 0, 'the zone was put back')
  Reflect.deleteProperty(site.zone, 'add')

  t.match(await site.follow(signer, id), { state: 'signed' })
})

t.test('a zone that is away holds up the removal of no other record', async (t) => {
  const site = await openAcmeSite(t)
  const remove: typeof site.solver.remove = async (proofs) => {
    if (proofs.some(({ name }) => name === 'away.example')) throw new Error('the zone is away')
    await site.solver.remove(proofs)
  }
  const { issuer, signer } = site.server({ solver: { ...site.solver, remove } })
  for (const name of ['away.example', 'there.example']) await site.follow(signer, await site.asked([name]))
  t.equal(site.zone.size, 2)

  await issuer.tidy()

  t.match([...site.zone], [/^away\.example /])
  t.equal(site.zone.size, 1)
})

t.test('CAA records that refuse the account are found before anything is ordered', async (t) => {
  const site = await openAcmeSite(t)
  const { signer } = site.server({
    caa: async (name, { accountUri, method }) => `of ${name} refuse ${accountUri} by ${method}`,
  })
  const id = await site.asked(['a.example'])

  await signer.sign(id)

  t.match(await site.store.signings.byId(id), { error: /of a\.example refuse https:.* by dns-01/, attempts: 1 })
  t.equal(site.ca.counts.get('newOrder'), undefined)
})

t.test('a name that cannot be proven is not ordered', async (t) => {
  const site = await openAcmeSite(t)
  const { signer } = site.server({ solver: { ...site.solver, placeFor: async () => null } })
  const id = await site.asked(['a.example'])

  await signer.sign(id)

  t.match(await site.store.signings.byId(id), { error: /no way to prove a name.*a\.example/ })
  t.equal(site.ca.counts.get('newOrder'), undefined)
})

t.test(
  'a renewal says which certificate it replaces, and is ordered without where the CA does not like that',
  async (t) => {
    const site = await openAcmeSite(t)
    const { signer } = site.server()
    const first = await site.follow(signer, await site.asked(['a.example']))
    const renew = async (): Promise<SigningRow> => {
      const again = await site.again(first.certificateId)
      return site.follow(signer, again)
    }

    await renew()
    t.match(site.ca.issued, [{ replaces: null }, { replaces: site.ca.issued[0]?.certId }])
    const detail = 'could not find an order for the given certificate'
    site.ca.trouble({ kind: 'refuses', at: 'replacing', problem: { type: 'serverInternal', detail, status: 500 } })
    await renew()
    t.match(site.ca.issued[2], { replaces: null }, 'a CA that fails because of it has it left out, too')
    site.ca.trouble(null)
    site.ca.forget()
    await renew()
    t.equal(site.ca.issued.length, 4)
  },
)

t.test('a CA that is away for a while has its orders waiting, and one that is back goes on with them', async (t) => {
  const site = await openAcmeSite(t)
  const { signer } = site.server()
  const id = await site.asked(['a.example'])
  site.ca.trouble({ kind: 'status', status: 503, retryAfterS: 600 })
  await signer.sign(id)
  t.match(await site.store.signings.byId(id), { attempts: 0, nextTryAt: site.now() + 600_000, error: /the CA is busy/ })

  site.ca.trouble(null)

  t.match(await site.follow(signer, id), { state: 'signed', attempts: 0 })
})

t.test(
  'a CA that wants to be waited for is, whoever says it for it; one that asks for nothing has failed',
  async (t) => {
    const site = await openAcmeSite(t)
    const { signer } = site.server()
    const said = async (status: number, retryAfterS?: number): Promise<SigningRow | null> => {
      const id = await site.asked([`${status}-${retryAfterS}.example`])
      site.ca.trouble({ kind: 'status', status, ...(retryAfterS === undefined ? {} : { retryAfterS }) })
      await signer.sign(id)
      return site.store.signings.byId(id)
    }

    t.match(await said(429, 600), { attempts: 0, nextTryAt: site.now() + 600_000, error: /too many requests/ })
    t.match(await said(429), { attempts: 0, nextTryAt: site.now() + hourMs })
    t.match(await said(503, 0), { attempts: 1, error: /it is out of order/ })
  },
)

t.test('a CA that could not look is told again, later each time', async (t) => {
  let looks = 0
  const site = await openAcmeSite(t, undefined, {
    looksAgain: true,
    look: async () => {
      looks += 1
      return looks > 5 ? null : { type: 'dns', detail: 'SERVFAIL' }
    },
  })
  const from = site.now()

  const signed = await site.follow(site.server().signer, await site.asked(['a.example']))

  t.match(signed, { state: 'signed', attempts: 0 })
  t.equal(looks, 6)
  t.equal(site.ca.counts.get('newOrder'), 1)
  t.ok(site.now() - from > 8 * minuteMs, 'twice as late each time')
  t.ok((site.ca.counts.get('order') ?? 0) < 30, 'and asked less and less often')
})

t.test('an order whose proof the CA never finds ends after an hour, and another one follows', async (t) => {
  const problem = { type: 'dns', detail: 'SERVFAIL' }
  const site = await openAcmeSite(t, undefined, { looksAgain: true, look: async () => problem })
  const { signer } = site.server()
  const id = await site.asked(['a.example'])

  for (const end = site.now() + 3 * hourMs; site.now() < end; site.pass(minuteMs)) await signer.signDue()

  const row = await site.store.signings.byId(id)
  t.match(row, { state: 'open', error: /the CA could not look for the proof: dns: SERVFAIL/ })
  t.ok((row?.attempts ?? 0) > 0, 'a failure')
  t.ok((site.ca.counts.get('newOrder') ?? 0) > 1, 'another order')
  t.ok((site.ca.counts.get('challenge') ?? 0) < 30, 'few tries')
})

t.test('an order whose answer is lost is counted, and the next one is another', async (t) => {
  const site = await openAcmeSite(t)
  const limits = { sameNames: null, registeredDomain: null, orders: { most: 3, perMs: dayMs }, failures: null }
  const { signer } = site.server({ config: { limits } })
  const id = await site.asked(['a.example'])
  site.ca.trouble({ kind: 'losesOrders' })

  for (const end = site.now() + 6 * hourMs; site.now() < end; site.pass(minuteMs)) await signer.signDue()

  t.equal(site.ca.counts.get('newOrder'), 3)
  t.match(await site.store.signings.byId(id), { state: 'open', error: /the CA takes only so many orders/ })
  site.ca.trouble(null)
  t.match(await site.follow(signer, id), { state: 'signed' })
})

t.test('what a CA signs for other names is no certificate of ours', async (t) => {
  const site = await openAcmeSite(t)
  const { signer } = site.server()
  const id = await site.asked(['a.example', 'b.example'])
  site.ca.trouble({ kind: 'signs', names: ['a.example', 'localhost'] })
  for (const end = site.now() + minuteMs; site.now() < end; site.pass(5000)) await signer.signDue()
  const refused = await site.store.signings.byId(id)
  t.match(refused, { state: 'open', error: /what it signed cannot be used: it is not for b\.example/ })
  t.ok((refused?.attempts ?? 0) > 0)

  site.ca.trouble(null)
  const signed = await site.follow(signer, id)

  t.match(signed, { state: 'signed' })
  t.equal((await site.store.versions.list(signed.certificateId, 9)).length, 1)
})

t.test(
  'an order is held as long as its CA takes, and no longer than half a minute by a server that died',
  async (t) => {
    const site = await openAcmeSite(t)
    const ticks: (() => unknown)[] = []
    t.intercept(globalThis, 'setInterval', { value: (tick: () => unknown) => ticks.push(tick) })
    const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const solver = {
      ...site.solver,
      publish: async (proofs: Parameters<typeof site.solver.publish>[0]) => {
        reached.resolve()
        await opened.promise
        return proofs
      },
    }
    const slow = site.server({ solver })
    const other = site.server()
    const id = await site.asked(['a.example'])
    const begun = slow.signer.sign(id)
    await reached.promise

    for (let step = 0; step < 6; step += 1) {
      site.pass(15_000)
      await Promise.all(ticks.map((tick) => tick()))
      await other.signer.sign(id)
      t.match(await site.store.signings.byId(id), { state: 'open', error: /another server goes on with it/ })
    }
    site.pass(31_000)
    await other.signer.sign(id)

    t.equal(site.zone.size, 1, 'the other one has it, when nothing was heard of the first for so long')
    opened.resolve()
    await begun
  },
)

t.test('a server that dies between any two steps leaves an order that completes once', async (t) => {
  const site = await openAcmeSite(t)
  let [deaths, isOver] = [0, false]
  for (let at = 1; !isOver; at += 1) {
    const dying = mortal(site, at)
    const id = await site.asked([`host-${at}.example`])
    const issued = site.ca.issued.length
    await dying.live(id)
    isOver = !dying.isDead()
    deaths += isOver ? 0 : 1
    // Whoever comes next waits until the lease of the dead one is over.
    const { issuer, signer } = site.server()
    const row = await site.follow(signer, id)
    site.pass(hourMs)
    await site.store.acmeOrders.endUnwanted(site.now())
    await issuer.tidy()

    t.equal(row.state, 'signed', `step ${at}`)
    t.equal(site.ca.issued.length - issued, 1, `step ${at}: one certificate`)
    t.equal((await site.store.versions.list(row.certificateId, 9)).length, 1, `step ${at}: one version`)
    t.same([...site.zone], [], `step ${at}: nothing stays published`)
  }
  t.ok(deaths > 20, `${deaths} deaths`)
})

/** A server that dies when its n-th act is done, its result lost: from then on nothing that it does has an effect. */
function mortal(site: AcmeSite, deathAt: number) {
  let [acts, isDead] = [0, false]
  const dead = (): Error => new Error('this server is dead')
  const act = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) throw dead()
    acts += 1
    const isLast = acts === deathAt
    const result = await work()
    if (isLast) isDead = true
    if (isDead) throw dead()
    return result
  }
  const mortalPart = <Part extends object>(part: Part, isAct: (name: string) => boolean): Part =>
    new Proxy(part, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name)
        if (typeof value !== 'function') return value
        return (...given: readonly unknown[]) => {
          if (isDead) return Promise.reject(dead())
          const call = () => Reflect.apply(value, of, given) as Promise<unknown>
          return isAct(String(name)) ? act(call) : call()
        }
      },
    })
  const reads = ['open', 'byId', 'of', 'now', 'newest', 'untidy', 'list', 'count']
  const store = new Proxy(site.store, {
    get: (of, name) => {
      const value: unknown = Reflect.get(of, name)
      if (name === 'now') return () => (isDead ? Promise.reject(dead()) : site.store.now())
      if (name === 'transaction')
        return (work: (inside: Store) => Promise<unknown>) => act(() => site.store.transaction(work))
      return typeof value === 'object' && value !== null ? mortalPart(value, (part) => !reads.includes(part)) : value
    },
  })
  const solver = mortalPart(site.solver, (name) => name === 'publish' || name === 'remove')
  const { handle } = site.ca
  const live = async (id: string): Promise<void> => {
    // What it asks the CA is an act, too.
    site.ca.handle = async (base, request) => act(() => handle.call(site.ca, base, request)).catch(() => null)
    const { signer } = site.server({ store, solver })
    for (let round = 0; round < 20; round += 1) {
      await signer.sign(id).catch(() => null)
      if (isDead) break
      if ((await site.store.signings.byId(id))?.state !== 'open') break
      site.pass(10_000)
    }
    site.ca.handle = handle
  }
  return { live, isDead: () => isDead }
}
