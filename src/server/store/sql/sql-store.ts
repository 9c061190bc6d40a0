import type { Database } from '../database.ts'
import type { Store } from '../store.ts'
import { sqlAcmeOrders } from './acme-orders.ts'
import { sqlAgents, sqlPresence } from './agents.ts'
import { sqlAudit } from './audit.ts'
import { sqlCertificates } from './certificates.ts'
import { sqlChallenges } from './challenges.ts'
import { sqlConditions } from './conditions.ts'
import { sqlDiscovered } from './discovered.ts'
import { sqlFleet } from './fleet.ts'
import { sqlHolds } from './holds.ts'
import { sqlCredentials, sqlOperators } from './identities.ts'
import { sqlIssuerStates } from './issuer-states.ts'
import { sqlIssuerTries } from './issuer-tries.ts'
import { sqlJobs } from './jobs.ts'
import { sqlLabels } from './labels.ts'
import { sqlLooks } from './looks.ts'
import { sqlMatters, sqlMutes, sqlNotices } from './matters.ts'
import { sqlOrders } from './orders.ts'
import { sqlRenewalInfos } from './renewal-infos.ts'
import { sqlRevocations } from './revocations.ts'
import { sqlRollouts } from './rollouts.ts'
import { sqlRollovers } from './rollovers.ts'
import { sqlServerFacts } from './server-facts.ts'
import { sqlSessions } from './sessions.ts'
import { sqlSignings } from './signings.ts'
import { sqlTargets } from './targets.ts'
import { sqlTokens } from './tokens.ts'
import { sqlPruning } from './version-pruning.ts'
import { sqlVersions } from './versions.ts'
import { sqlWindows } from './windows.ts'

/** The store over a database whose tables are there. */
export function sqlStore(db: Database): Store {
  return {
    server: sqlServerFacts(db),
    agents: sqlAgents(db),
    labels: sqlLabels(db),
    credentials: sqlCredentials(db),
    tokens: sqlTokens(db),
    presence: sqlPresence(db),
    operators: sqlOperators(db),
    targets: sqlTargets(db),
    certificates: sqlCertificates(db),
    versions: sqlVersions(db),
    pruning: sqlPruning(db),
    signings: sqlSignings(db),
    issuerTries: sqlIssuerTries(db),
    renewalInfos: sqlRenewalInfos(db),
    jobs: sqlJobs(db),
    rollouts: sqlRollouts(db),
    windows: sqlWindows(db),
    rollovers: sqlRollovers(db),
    holds: sqlHolds(db),
    orders: sqlOrders(db),
    acmeOrders: sqlAcmeOrders(db),
    issuerStates: sqlIssuerStates(db),
    challenges: sqlChallenges(db),
    revocations: sqlRevocations(db),
    discovered: sqlDiscovered(db),
    sessions: sqlSessions(db),
    fleet: sqlFleet(db),
    looks: sqlLooks(db),
    conditions: sqlConditions(db),
    matters: sqlMatters(db),
    mutes: sqlMutes(db),
    notices: sqlNotices(db),
    audit: sqlAudit(db),
    now: () => db.now(),
    transaction: (work) => db.transaction((inside) => work(sqlStore(inside))),
    listen: (heard) => db.listen(heard),
    close: () => db.close(),
  }
}
