import t, { type Test } from 'tap'
import type { Issuer } from '../../../src/server/issuer/issuer.ts'
import { openSigner, type Signer } from '../../../src/server/operation/certificate/signer.ts'
import { forgetSigned } from '../../../src/server/operation/certificate/tidy-acme.ts'
import { quickIssuer } from '../../support/quick-issuer.ts'
import { agentRow, certificateRow, openStoreSite, type StoreSite, signingRow } from '../../support/store-site.ts'

const start = Date.parse('2026-11-01T00:00:00Z')
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const signing = signingRow({ jobId: 'job-1', nextTryAt: start })

t.test('an issuer that takes its time is asked by one server, however long it takes', async (t) => {
  const site = await siteWithCsr(t)
  const ticks = capturedTicks(t)
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let asked = 0
  const slow = await quickIssuer('slow', () => false)
  const issuer: Issuer = {
    ...slow,
    isRemote: true,
    sign: async (request) => {
      asked += 1
      reached.resolve()
      await opened.promise
      return slow.sign(request)
    },
  }
  const [one, other] = [signerOf(site, [issuer]), signerOf(site, [issuer])]
  const signed = one.signDue()
  await reached.promise

  for (let minute = 0; minute < 4; minute += 1) {
    site.pass(45_000)
    await Promise.all(ticks.map((tick) => tick()))
    await other.signDue()
  }
  opened.resolve()
  await signed

  t.equal(asked, 1)
  t.match(await site.store.signings.byId(signing.id), { state: 'signed' })
})

t.test('a server that ends waits for what it signs, and begins no other', async (t) => {
  const site = await siteWithCsr(t)
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow = await quickIssuer('slow', () => false)
  const asked: string[] = []
  const sign: Issuer['sign'] = async (request) => {
    asked.push(request.id)
    if (asked.length === 2) reached.resolve()
    await opened.promise
    return slow.sign(request)
  }
  const signer = signerOf(site, [{ ...slow, sign }])
  for (const [id, spki] of [
    ['signing-2', 'cd'],
    ['signing-3', 'ef'],
    ['signing-4', '12'],
  ] as const)
    await site.store.signings.add({ ...signing, id, spki })
  const order: string[] = []
  // Two at once: the third has been looked up, and waits for its turn.
  const begun = [signing.id, 'signing-2', 'signing-3'].map((id) => signer.sign(id).then(() => order.push(id)))
  await reached.promise

  const ended = signer.end().then(() => order.push('ended'))
  const later = signer.sign('signing-4')
  opened.resolve()
  await Promise.all([...begun, ended, later])

  t.same(asked, [signing.id, 'signing-2'])
  t.same(order.at(-1), 'ended')
  for (const [id, state] of [
    [signing.id, 'signed'],
    ['signing-2', 'signed'],
    ['signing-3', 'open'],
    ['signing-4', 'open'],
  ] as const)
    t.match(await site.store.signings.byId(id), { state }, id)
})

t.test('an issuer that hangs holds up no CSR of another one', async (t) => {
  const site = await siteWithCsr(t, ['quick'])
  await site.store.certificates.add(certificateRow({ id: 'cert-2', issuers: ['hanging'] }), [])
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let asked = 0
  const hanging: Issuer = {
    name: 'hanging',
    isRemote: true,
    sign: async ({ at }) => {
      asked += 1
      if (asked === 16) reached.resolve()
      await opened.promise
      return { state: 'waits', untilMs: at + minuteMs, reason: 'it hangs' }
    },
  }
  const signer = signerOf(site, [hanging, { ...(await quickIssuer('quick', () => false)), isRemote: true }])
  const ids = Array.from({ length: 17 }, (_, index) => `hanging-${index}`)
  for (const id of ids)
    await site.store.signings.add({ ...signing, id, certificateId: 'cert-2', jobId: null, spki: id })
  const begun = ids.map((id) => signer.sign(id))
  await reached.promise

  const signed = await signer.sign(signing.id)

  t.match(signed, { state: 'signed' })
  opened.resolve()
  await Promise.all(begun)
  t.equal(asked, 17)
})

t.test('a server that has none of the issuers leaves it to another one, and has not failed', async (t) => {
  const site = await siteWithCsr(t, ['other'])
  const [lacking, having] = [
    signerOf(site, [await quickIssuer('local', () => false)]),
    signerOf(site, [await quickIssuer('other', () => false)]),
  ]

  await lacking.signDue()

  t.match(await site.store.signings.byId(signing.id), { state: 'open', attempts: 0, nextTryAt: start + minuteMs })
  t.equal((await site.store.certificates.byId('cert-1'))?.lastError, null)
  site.pass(minuteMs)
  await having.signDue()
  t.match(await site.store.signings.byId(signing.id), { state: 'signed' })
})

t.test('an issuer that fails for a CSR that was ended meanwhile leaves no error, and no try', async (t) => {
  const site = await siteWithCsr(t)
  const { certificates, issuerTries, signings } = site.store
  const failing: Issuer = {
    ...(await quickIssuer('slow', () => false)),
    sign: async () => {
      await signings.end(signing.id, 'signed', null)
      throw new Error('no answer')
    },
  }

  await signerOf(site, [failing]).signDue()

  t.equal((await certificates.byId('cert-1'))?.lastError, null)
  t.same(await issuerTries.of(signing.id), [])
  t.match(await signings.byId(signing.id), { state: 'signed', attempts: 0, error: null })
})

t.test('an issuer that no server has for long is told, with what to do', async (t) => {
  const site = await siteWithCsr(t, ['other'])
  const lacking = signerOf(site, [await quickIssuer('local', () => false)])

  for (let minute = 0; minute < 12; minute += 1) {
    await lacking.signDue()
    site.pass(minuteMs)
  }

  t.match(await site.store.certificates.byId('cert-1'), {
    lastError: /^No issuer has signed.*other: this server has no issuer of this name.*policy/,
  })
})

t.test('a CSR that was signed long ago is forgotten, and one that is open is not', async (t) => {
  const site = await siteWithCsr(t)
  const { signings } = site.store
  await signings.add({ ...signing, id: 'signing-2', spki: 'cd' })
  await signings.end(signing.id, 'signed', null)

  site.pass(399 * dayMs)
  await forgetSigned(site.store)
  t.match(await signings.byId(signing.id), { state: 'signed' })
  site.pass(2 * dayMs)
  await forgetSigned(site.store)

  t.equal(await signings.byId(signing.id), null)
  t.match(await signings.byId('signing-2'), { state: 'open' })
})

/** With a CSR that is due, of a certificate that these are to sign; none: any. */
async function siteWithCsr(t: Test, issuers: readonly string[] = []): Promise<StoreSite> {
  const site = await openStoreSite(t, { database: undefined, start, agent: agentRow(), targets: [] })
  const { certificates, jobs, signings } = site.store
  await certificates.add(certificateRow({ issuers }), [])
  await jobs.add({
    id: 'job-1',
    type: 'Issuance',
    agentId: 'agent-1',
    certificateId: 'cert-1',
    versionNumber: null,
    targetId: null,
    status: 'AwaitingCSR',
    createdAt: start,
  })
  await signings.add(signing)
  return site
}

function signerOf({ store }: StoreSite, issuers: readonly Issuer[]): Signer {
  return openSigner({ store, issuers, check: async () => signing.spki })
}

/** What is done now and then, done by the test. */
function capturedTicks(t: Test): readonly (() => unknown)[] {
  const ticks: (() => unknown)[] = []
  const capture = (tick: () => unknown): object => {
    ticks.push(tick)
    return { unref: () => {} }
  }
  t.intercept(globalThis, 'setInterval', { value: capture })
  return ticks
}
