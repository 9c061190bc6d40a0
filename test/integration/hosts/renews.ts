import type { Test } from 'tap'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import type { TestPair } from '../../support/certificates.ts'
import { byPort, type HostAsItIs } from './host-as-it-is.ts'

/** What is renewed on a host, where that shows, and what makes a later deployment fail. */
export interface Renewal {
  readonly connector: string
  readonly target: Readonly<Record<string, unknown>>
  readonly pairs: readonly [second: TestPair, third: TestPair]
  /** `993 tls` */
  readonly provenAt: readonly string[]
  readonly warnings?: readonly RegExp[]
  /** Fails the next activation; left out: the reload of nginx. */
  readonly failing?: Readonly<Record<string, unknown>>
}

/**
 * The wiring is what openssl(1) is served; a deployment without endpoints is proven at these ports; one whose activation fails is
 * undone at all of them.
 */
export async function renews(t: Test, host: HostAsItIs, renewal: Renewal): Promise<Outcome> {
  const { connector, target, pairs, provenAt, warnings = [], failing } = renewal
  const [second, third] = pairs

  const before = await host.look()
  const outcome = await host.deploy(connector, second, target)
  const between = await host.look()
  if (failing === undefined) await host.breakNginx(true)
  const undone = await host.deploy(connector, third, { ...target, ...failing })
  await host.breakNginx(false)
  const after = await host.look()

  for (const { at, name, file, served } of [...before, ...between]) t.equal(served, file, `${at} ${name ?? ''}`)
  t.match(outcome, { outcome: 'deployed', host: 'changed', code: null, proven: true }, outcome.message ?? '')
  t.equal(outcome.warnings.length, warnings.length, outcome.warnings.join('\n'))
  t.match(outcome.warnings, warnings)
  t.same(host.provenAt(outcome), provenAt)
  const shown = between.filter(({ served }) => served === second.sha256).map(({ at }) => at)
  t.same([...new Set(shown)].toSorted(byPort), provenAt)
  t.match(undone, { outcome: 'rolled-back', host: 'restored', code: 'ACTIVATE_FAILED' })
  t.same(after, between)
  return outcome
}
