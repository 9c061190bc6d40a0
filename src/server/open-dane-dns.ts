import { lookEverywhere, whyNotEverywhere, type ZoneView } from '../dns/look-everywhere.ts'
import { changeRecords, publisherFor } from '../dns/publish.ts'
import { recordsOf } from '../dns/record.ts'
import type { RecordChange } from '../dns/record-change.ts'
import { isOnLoopback } from '../dns/server-address.ts'
import { askTlsa, resolversOf, type TlsaAnswer, writeTlsa } from '../dns/tlsa.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { DnsServer } from '../host/socket/dns-exchange.ts'
import type { DnsZone } from './config/server-config.ts'
import type { ServerAnswer, TlsaLook, TlsaRecord } from './dane/tlsa.ts'
import type { DaneDns } from './operation/dane/dane-dns.ts'

/** The DNS as the roll-over sees it: of names in none of the zones people publish. What a resolver says is believed over loopback only. */
export function openDaneDns(zones: readonly DnsZone[], resolvers: readonly DnsServer[]): DaneDns {
  const change = async (
    kind: RecordChange['change'],
    endName: string,
    records: readonly TlsaRecord[],
    ttlMs: number,
  ): Promise<void> => {
    const zone = publisherFor(endName, zones)
    if (zone === null) throw new WaxsealError('DNS_UPDATE_FAILED', { name: endName, reason: 'no zone of dns: has it' })
    const ttl = Math.max(1, Math.floor(ttlMs / 1000))
    const type = 'TLSA'
    const changes = records.map(
      (record) => ({ change: kind, name: endName, type, value: writeTlsa(record), ttl }) as const,
    )
    await changeRecords(changes, zone)
  }
  return {
    look: async (owner) => {
      const servers = resolvers.length === 0 ? resolversOf([]) : resolvers
      const named = servers.filter(isOnLoopback)
      const local = named.length > 0 ? named : [{ address: '127.0.0.1', port: 53 }]
      const [view, told] = await Promise.all([lookEverywhere(owner, 'TLSA', servers), askTlsa(owner, local)])
      return lookOf(view, told, zones)
    },
    publish: (endName, records, ttlMs) => change('add', endName, records, ttlMs),
    remove: (endName, records) => change('remove', endName, records, 0),
  }
}

type Failed = { readonly failed: string }

function lookOf(view: ZoneView | Failed, told: TlsaAnswer | Failed, zones: readonly DnsZone[]): TlsaLook {
  const believed = 'failed' in told || !told.isSecure ? null : told.records
  if ('failed' in view) {
    const problem = `the servers of the zone cannot be found: ${view.failed}`
    return { endName: null, answers: [], negativeMs: 0, believed, problem, isByHand: false, settleMs: 0 }
  }
  const zone = publisherFor(view.owner, zones)
  const against = whyNotEverywhere(view, () => true, true)
  const reasons = [...against, ...(believed === null ? [whyNotBelieved(told)] : [])]
  return {
    endName: view.owner,
    answers: answersIn(view),
    negativeMs: view.negativeTtl * 1000,
    believed,
    problem: reasons.length === 0 ? null : reasons.join('; '),
    isByHand: zone === null,
    settleMs: zone === null || zone.wait === 'authoritative' ? 0 : zone.wait,
  }
}

function answersIn({ views, negativeTtl }: ZoneView): readonly ServerAnswer[] {
  return views.flatMap((view) => {
    if (view.state !== 'answers') return []
    const found = recordsOf('TLSA', view.records)
    const ttl = found.length === 0 ? negativeTtl : Math.max(...found.map((record) => record.ttl))
    const server = `${view.server.name} (${view.server.address})`
    return [{ server, records: found.map(({ data }) => data), ttlMs: ttl * 1000 }]
  })
}

function whyNotBelieved(told: TlsaAnswer | Failed): string {
  if (!('failed' in told))
    return 'no resolver on loopback has validated the answer: the zone is not signed, or the resolver does not validate'
  if (told.failed === 'ENOSERVER')
    return 'there is no resolver on loopback: install one that validates, such as unbound'
  return `the resolver on loopback does not answer: ${told.failed}`
}
