import t from 'tap'
import type { ClientLife } from '../../../src/control-plane/client-pair.ts'
import type { ClientRequest } from '../../../src/control-plane/credential-calls.ts'
import type { Heard } from '../../../src/control-plane/heard.ts'
import type { Deployer } from '../../../src/courier/deployer.ts'
import { Member } from '../../../src/courier/member.ts'
import type { Ask } from '../../../src/documents/ask.ts'
import { type Membership, noMembership } from '../../../src/documents/membership.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const basis = { trust: 'a'.repeat(64), credential: 'b'.repeat(64) }
const heard: Heard = {
  features: new Set(['ca_pem', 'credential']),
  cancel: [],
  caPem: 'first next',
  pollIntervalMs: null,
  splayMs: null,
}
const dayMs = 86_400_000

t.test('nothing is used that the deployer has not kept', async (t) => {
  const { member, disk, adopted, plane } = open()
  await member.introduce()
  disk.isFull = true

  await member.heard(heard)
  t.same(adopted, [noMembership])
  disk.isFull = false
  await member.heard(heard)

  t.match(adopted.at(-1), { trust: { basis: basis.trust, ca: 'first next' } })
  t.match(disk.kept, { trust: { ca: 'first next' } })
  t.equal(plane.exchanges, 0, 'nobody knows how old the credential is: it is exchanged within ninety days')
})

t.test('a new credential that could not be kept is never used, and another is asked for', async (t) => {
  const { member, disk, adopted, clock } = open()
  await member.introduce()
  await member.heard(heard)
  clock.advance(90 * dayMs)
  disk.isFull = true
  await member.heard(heard)
  t.same(adopted.at(-1)?.credential?.secrets, [])
  disk.isFull = false

  await member.heard(heard)

  t.same(adopted.at(-1)?.credential?.secrets, ['secret-2', 'configured'])
})

t.test(
  'the old credential is forgotten once the server has taken the new one, and the new one where it was not',
  async (t) => {
    for (const taken of ['secret-1', 'configured']) {
      const { member, disk, plane, clock } = open()
      await member.introduce()
      await member.heard(heard)
      clock.advance(90 * dayMs)
      await member.heard(heard)
      plane.proven = null
      await member.heard(heard)
      t.same(disk.kept.credential?.secrets, ['secret-1', 'configured'], 'no call was answered since')

      plane.proven = taken
      await member.heard(heard)

      t.same(disk.kept.credential?.secrets, [taken])
      t.equal(plane.exchanges, 1)
    }
  },
)

t.test('what was kept for another enrolment is worth nothing', async (t) => {
  const other = 'c'.repeat(64)
  const { member, adopted } = open({
    trust: { basis: other, ca: 'evil' },
    credential: { basis: other, since: 0, secrets: ['stale'] },
  })

  await member.introduce()

  t.same(adopted, [noMembership])
})

t.test('a deployer that does not answer is asked again, and the start is not counted twice', async (t) => {
  const { member, disk } = open()
  disk.isAway = true
  await t.rejects(member.introduce(), { code: 'DEPLOYER_UNREACHABLE' })
  t.equal(member.host, null)
  await member.heard(heard)
  disk.isAway = false

  await Promise.all([member.introduce(), member.introduce()])
  await member.introduce()

  t.match(member.host, { machine: 'm', starts: 1, run: /^[0-9a-f]{32}$/ })
})

t.test('where a start could not be counted the host is not named, and all else goes on', async (t) => {
  const { member, disk } = open()
  disk.starts = null
  await member.introduce()

  t.equal(member.host, null)
  t.ok(member.isIntroduced)
  await member.heard(heard)
  t.match(disk.kept, { trust: { ca: 'first next' } })
})

t.test(
  'a client certificate is renewed at two thirds of its life or a little before, over what it vouches for',
  async (t) => {
    const { member, plane, disk, clock } = open()
    const features = { ...heard, features: new Set(['credential', 'client_certificate']) }
    plane.life = { notBefore: clock.now(), notAfter: clock.now() + 30 * dayMs, chance: 0.5 }
    await member.introduce()
    clock.advance(18.4 * dayMs)
    await member.heard(features)
    t.equal(plane.exchanges, 0)

    clock.advance(0.2 * dayMs)
    await member.heard({ ...features, features: new Set(['credential']) })
    t.equal(plane.exchanges, 0, 'a server that does not say that it issues any is not asked')
    await member.heard(features)
    t.match(disk.kept.credential, { secrets: ['certificate-1 for CSR', 'configured'] }, 'durable before it is used')

    plane.life = { notBefore: clock.now(), notAfter: clock.now() + 30 * dayMs, chance: 0.5 }
    plane.proven = 'certificate-1 for CSR'
    await member.heard(features)
    t.match(
      disk.kept.credential,
      { secrets: ['certificate-1 for CSR'] },
      'the old one is forgotten when the new one was taken',
    )
    t.equal(plane.exchanges, 1)
  },
)

t.test(
  'a host goes over to a client certificate by the credential that it has, and back, as it is configured',
  async (t) => {
    const both = { ...heard, features: new Set(['credential', 'client_certificate']) }
    const { member, disk, plane, clock, wants } = open()
    wants.clientCertificate = true
    await member.introduce()
    await member.heard({ ...heard, features: new Set(['credential']) })
    t.equal(plane.exchanges, 0, 'a server that does not say that it issues any is not asked')
    await member.heard(both)
    t.match(disk.kept.credential, { secrets: ['certificate-1 for CSR', 'configured'] }, 'durable before it is used')
    await member.heard(both)
    t.equal(
      plane.exchanges,
      1,
      'one that is not taken, for a proxy that ends TLS lets none through, is not asked for again',
    )
    clock.advance(dayMs)
    await member.heard(both)
    t.equal(plane.exchanges, 2, 'before a day has passed')

    plane.life = { notBefore: clock.now(), notAfter: clock.now() + 30 * dayMs, chance: 0.5 }
    plane.proven = 'certificate-2 for CSR'
    await member.heard(both)
    t.same(disk.kept.credential?.secrets, ['certificate-2 for CSR'])

    const again = open(disk.kept)
    again.wants.clientCertificate = false
    again.plane.life = plane.life
    again.plane.proven = plane.proven
    await again.member.introduce()
    await again.member.heard(both)
    t.same(again.disk.kept.credential?.secrets, ['secret-1', 'certificate-2 for CSR'])
  },
)

t.test('a host that is not configured for either stays with what it was enrolled with', async (t) => {
  const both = { ...heard, features: new Set(['credential', 'client_certificate']) }
  for (const isCertified of [false, true]) {
    const { member, plane, clock } = open()
    if (isCertified) plane.life = { notBefore: clock.now(), notAfter: clock.now() + 30 * dayMs, chance: 0.5 }
    await member.introduce()
    await member.heard(both)
    t.equal(plane.exchanges, 0)
  }
})

function open(kept: Membership = noMembership) {
  const wants = { clientCertificate: null as boolean | null }
  const disk = { kept, isFull: false, isAway: false, starts: 0 as number | null }
  const plane = { proven: 'configured' as string | null, exchanges: 0, life: null as ClientLife | null }
  const adopted: Membership[] = []
  const clock = fakeClock(0)
  const ask: Deployer['ask'] = async (asked) => {
    if (disk.isAway) throw new WaxsealError('DEPLOYER_UNREACHABLE')
    if (asked.ask === 'introduce') {
      if (disk.starts !== null) disk.starts += 1
      return { starts: disk.starts, membership: disk.kept } as never
    }
    if (disk.isFull) throw new WaxsealError('SPOOL_FULL')
    if (asked.ask === 'keep') disk.kept = (asked as Ask & { ask: 'keep' }).membership
    return {} as never
  }
  const controlPlane = {
    basis,
    get proven() {
      return plane.proven
    },
    get clientLife() {
      return plane.life
    },
    exchangeClientCertificate: async ({ csrPem }: ClientRequest) => {
      plane.exchanges += 1
      return `certificate-${plane.exchanges} for ${csrPem}`
    },
    adopt: (membership: Membership) => void adopted.push(membership),
    judge: (usable: string) => ({ usable, isBeyond: true }),
    exchangeCredential: async () => {
      plane.exchanges += 1
      return `secret-${plane.exchanges}`
    },
  }
  const log = { info: () => {}, warn: () => {} }
  return {
    member: new Member({
      deployer: { ask },
      controlPlane,
      machine: 'm',
      makeClientRequest: async () => ({ keyPem: 'KEY', csrPem: 'CSR' }),
      get clientCertificate() {
        return wants.clientCertificate
      },
      clock,
      log,
    }),
    wants,
    disk,
    plane,
    adopted,
    clock,
  }
}
