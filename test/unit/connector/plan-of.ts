import type { Connector } from '../../../src/connector/connector.ts'
import { planFor } from '../../../src/connector/plan-for.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import type { Plan } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { recordedHost } from './recorded-host.ts'

const authority = await (await makeAuthority()).intermediate()
const material = await parseMaterial({ ...(await authority.issue({ names: ['mail.example.net'] })), now: new Date() })

/** The plan of a target on a host on which these paths are, and no daemon answers. */
export function planOf(connector: Connector, target: unknown = {}, present: readonly string[] = []): Promise<Plan> {
  const files = Object.fromEntries(present.map((path) => [path, { text: '', mode: 0o600 }]))
  return planFor(connector, target, material, recordedHost({}, files), AbortSignal.timeout(10_000))
}

/** Path, mode, owner and group of the key that is planned. */
export function keyOf({ files }: Plan): readonly unknown[] {
  return files.filter(({ role }) => role === 'key').map(({ path, mode, owner, group }) => [path, mode, owner, group])
}
