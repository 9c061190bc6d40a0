import { createHash, X509Certificate } from 'node:crypto'
import { readSigned } from '../../../order/signed-order.ts'
import type { StandingOrder } from '../../../order/standing-order.ts'
import { agentNamed, targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'

/** An order that is not signed: whoever signs it says its sequence and its times. */
export type DraftOrder = Omit<StandingOrder, 'sequence' | 'not_before' | 'not_after'>

/** What would cover the certificates of a target, as this control plane knows it: whoever signs it has to believe none of it. */
export async function draftOrder(
  { store, authority }: Pick<Parts, 'store' | 'authority'>,
  target: string,
): Promise<DraftOrder> {
  const { id, name, type, config, agentId } = await targetNamed(store, target)
  const kept = await store.orders.of(id)
  const certificates = await store.orders.certificatesOn(id)
  return {
    order: 1,
    host: kept === null ? (await agentNamed(store, agentId)).hostname : readSigned(kept).host,
    target: { id, name, type, config: config as StandingOrder['target']['config'] },
    names: [...new Set(certificates.flatMap(({ commonName, sans }) => [commonName, ...sans]))],
    issuer: { spki_sha256: authority.caPem.split(/(?<=-----END CERTIFICATE-----)\s*/).flatMap(digestOf) },
  }
}

function digestOf(pem: string): readonly string[] {
  if (pem.trim() === '') return []
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  return [createHash('sha256').update(spki).digest('hex')]
}
