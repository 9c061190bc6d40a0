import { followAliases } from '../../../dns/follow-aliases.ts'
import { lookEverywhere, whyNotEverywhere } from '../../../dns/look-everywhere.ts'
import { changeRecords, publisherFor } from '../../../dns/publish.ts'
import type { RecordChange } from '../../../dns/record-change.ts'
import { WaxsealError } from '../../../error/waxseal-error.ts'
import type { DnsServer } from '../../../host/socket/dns-exchange.ts'
import type { DnsZone } from '../../config/server-config.ts'
import type { AcmeProof } from '../../store/acme-order-store.ts'
import type { Solver } from './solver.ts'

/** Of the records: as short as zones take it, for nobody is to remember them. */
const ttl = 60

/** DNS-01 (RFC 8555 §8.4): a TXT record in a zone that we publish in, at the end of the aliases of `_acme-challenge.NAME`. */
export function dnsSolver(zones: readonly DnsZone[], resolvers: readonly DnsServer[]): Solver {
  return {
    kind: 'dns',
    placeFor: async (name) => {
      if (zones.length === 0) return null
      const owner = `_acme-challenge.${name}`
      const aliased = await followAliases(owner, resolvers)
      if ('failed' in aliased)
        throw new WaxsealError('PROOF_IMPOSSIBLE', {
          name,
          reason: `whether ${owner} is an alias cannot be asked: ${aliased.failed}`,
        })
      return publisherFor(aliased.end, zones) === null ? null : aliased.end
    },
    publish: async (proofs) => {
      await changeAll(zones, proofs, 'add')
      return proofs
    },
    whyNotSeen: async (proof, at) => {
      const zone = publisherFor(proof.place ?? '', zones)
      if (zone === null || proof.place === null) return 'its zone is in the configuration no more'
      if (zone.wait !== 'authoritative') {
        const left = (proof.publishedAt ?? at) + zone.wait - at
        return left > 0 ? `for ${Math.ceil(left / 1000)} s more, as the configuration says` : null
      }
      return whyNotThere(proof.place, proof.value, resolvers)
    },
    remove: (proofs) => changeAll(zones, proofs, 'remove'),
  }
}

async function whyNotThere(place: string, value: string, resolvers: readonly DnsServer[]): Promise<string | null> {
  const view = await lookEverywhere(place, 'TXT', resolvers)
  if ('failed' in view) return `the servers of its zone cannot be found: ${view.failed}`
  const against = whyNotEverywhere(view, (records) =>
    records.some((record) => record.type === 'TXT' && record.data === value),
  )
  return against.length === 0 ? null : `TXT ${place}: ${against.slice(0, 3).join('; ')}`
}

/** Those of one zone at once. A zone that is configured no more has nothing that we could remove. */
async function changeAll(
  zones: readonly DnsZone[],
  proofs: readonly AcmeProof[],
  change: RecordChange['change'],
): Promise<void> {
  const ofZone = new Map<DnsZone, RecordChange[]>()
  for (const { place, value } of proofs) {
    const zone = place === null ? null : publisherFor(place, zones)
    if (zone === null || place === null) continue
    ofZone.set(zone, [...(ofZone.get(zone) ?? []), { change, name: place, type: 'TXT', value, ttl }])
  }
  for (const [zone, changes] of ofZone) await changeRecords(changes, zone)
}
