import t from 'tap'
import type { Heard } from '../../../src/control-plane/heard.ts'
import { Claims } from '../../../src/courier/claims.ts'
import type { Deployer } from '../../../src/courier/deployer.ts'
import type { Ask } from '../../../src/documents/ask.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const heard = (features: readonly string[], cancel: readonly string[] = []): Heard => ({
  features: new Set(features),
  cancel,
  caPem: null,
  pollIntervalMs: null,
  splayMs: null,
})

t.test('the leases of what waits are renewed, a third of the shortest before the next time', async (t) => {
  const { claims, renewed } = open({ leases: { 'job-1': 300_000, 'job-2': 60_000 } })

  t.equal(await claims.heard(heard(['lease'])), 20_000)
  t.same(renewed, ['job-1', 'job-2'])
})

t.test('a job that is final there, or has no lease, costs no other its own', async (t) => {
  const { claims, said } = open({ leases: { 'job-1': 409, 'job-2': 60_000 } })

  t.equal(await claims.heard(heard(['lease'])), 20_000)
  t.same(said, [])
})

t.test('nothing is renewed for a server that knows no leases, nor is a deployer at rest started for it', async (t) => {
  const { claims, asks, rounds } = open({ leases: { 'job-1': 60_000 } })

  t.equal(await claims.heard(heard(['cancel'])), null)
  rounds.isSettled = true
  t.equal(await claims.heard(heard(['lease'])), null)
  t.same(asks, [])
})

t.test('what is to be cancelled is handed on, and what came of it is collected', async (t) => {
  const { claims, asks, rounds } = open()

  await claims.heard(heard(['cancel'], ['job-1']))

  t.same(asks, [{ ask: 'cancel', jobIds: ['job-1'] }])
  t.equal(rounds.collected, 1)
})

t.test('a job that arrives after it was cancelled is cancelled then', async (t) => {
  const { claims, asks } = open()
  await claims.heard(heard(['cancel'], ['job-1']))

  await claims.taken([{ id: 'job-2' }])
  await claims.taken([{ id: 'job-1' }, { id: 'job-3' }])
  await claims.heard(heard(['cancel']))
  await claims.taken([{ id: 'job-1' }])

  const asked = { ask: 'cancel', jobIds: ['job-1'] }
  t.same(asks, [asked, asked])
})

t.test('a deployer or a control plane that does not answer is asked again with the next heartbeat', async (t) => {
  const { claims, said, site } = open({ leases: { 'job-1': 503 } })

  t.equal(await claims.heard(heard(['lease'])), null)
  site.isAway = true
  t.equal(await claims.heard(heard(['lease', 'cancel'], ['job-1'])), null)
  await claims.taken([{ id: 'job-1' }])

  t.equal(said.length, 3)
})

t.test('a deployer at rest hears of a cancellation once', async (t) => {
  const { claims, asks, rounds } = open()
  rounds.isSettled = true

  for (const cancel of [['job-1'], ['job-1'], ['job-1', 'job-2'], ['job-2']])
    await claims.heard(heard(['cancel'], cancel))

  t.same(asks, [
    { ask: 'cancel', jobIds: ['job-1'] },
    { ask: 'cancel', jobIds: ['job-1', 'job-2'] },
  ])
})

t.test('a slow server holds up no heartbeat', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`job-${index}`, 60_000]))
  const { claims, renewed, site } = open({ leases: many })
  site.slowMs = 10_000

  await claims.heard(heard(['lease']))

  t.equal(renewed.length, 8, 'the rest waits for the next one')
})

t.test('a lease of no length has nobody ask without end', async (t) => {
  t.equal(await open({ leases: { 'job-1': 1000 } }).claims.heard(heard(['lease'])), 10_000)
})

function open({ leases = {} }: { readonly leases?: Readonly<Record<string, number>> } = {}) {
  const site = { isAway: false, slowMs: 0 }
  const clock = fakeClock()
  const rounds = { isSettled: false, collected: 0, collect: async () => void (rounds.collected += 1) }
  const [asks, renewed, said]: [Ask[], string[], unknown[]] = [[], [], []]
  const ask: Deployer['ask'] = async (asked) => {
    if (site.isAway) throw new WaxsealError('DEPLOYER_UNREACHABLE')
    if (asked.ask === 'unbegun') return { jobIds: Object.keys(leases) } as never
    asks.push(asked)
    return {} as never
  }
  const renewLease = async (id: string): Promise<number> => {
    const lease = leases[id] ?? 404
    clock.advance(site.slowMs)
    if (lease >= 1000) renewed.push(id)
    if (lease >= 1000) return lease
    throw new WaxsealError(lease >= 500 ? 'CONTROL_PLANE_UNREACHABLE' : 'CONTROL_PLANE_REFUSED', { status: lease })
  }
  const log = { info: (line: unknown) => void said.push(line) }
  const claims = new Claims({ deployer: { ask }, controlPlane: { renewLease }, rounds, clock, log })
  return { claims, site, rounds, clock, asks, renewed, said }
}
