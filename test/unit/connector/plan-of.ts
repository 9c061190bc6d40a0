import type { Connector } from '../../../src/connector/connector.ts'
import type { HostView } from '../../../src/connector/host-view.ts'
import { planFor } from '../../../src/connector/planner/plan-for.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import type { Plan } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { recordedHost } from './recorded-host.ts'

const authority = await (await makeAuthority()).intermediate()
const material = await parseMaterial({ ...(await authority.issue({ names: ['mail.example.net'] })), now: new Date() })

/** The plan of a target, on a host on which no daemon answers where none is given. */
export function planOf(
  connector: Connector,
  target: unknown = {},
  host: HostView = recordedHost({}, {}),
): Promise<Plan> {
  return planFor(connector, target, material, host, AbortSignal.timeout(10_000))
}

/** Path, mode, owner and group of the key that is planned, where there is none yet. */
export function newKeyOf({ files }: Plan): readonly unknown[] {
  return files
    .filter(({ role }) => role === 'key')
    .map(({ path, mode, owner, group, fresh = {} }) => [
      path,
      mode === 'keep' ? (fresh.mode ?? mode) : mode,
      owner === 'keep' ? (fresh.owner ?? owner) : owner,
      group === 'keep' ? (fresh.group ?? group) : group,
    ])
}
