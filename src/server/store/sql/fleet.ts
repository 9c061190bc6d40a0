import type { Database } from '../database.ts'
import type { FleetStore } from '../fleet-store.ts'
import { fleetCertificates } from './fleet-certificates.ts'
import { fleetFailures } from './fleet-failures.ts'
import { fleetHosts } from './fleet-hosts.ts'

/** What the fleet page shows, over SQL. */
export function sqlFleet(db: Database): FleetStore {
  return { ...fleetHosts(db), ...fleetCertificates(db), ...fleetFailures(db) }
}
