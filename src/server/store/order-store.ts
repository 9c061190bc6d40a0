import type { SignedOrder } from '../../order/signed-order.ts'
import type { Page } from './page.ts'
import type { CertificateRow } from './rows.ts'

/** The standing order that is kept for a target. */
export interface OrderRow extends SignedOrder {
  readonly targetId: string
  readonly sequence: number
  readonly addedAt: number
  readonly addedBy: string
}

/** An order with the name of its target. */
export interface ListedOrder extends OrderRow {
  readonly targetName: string
}

/** Standing orders, one for a target. This side keeps them and hands them out; the hosts check them. */
export interface OrderStore {
  /** In place of the one that was kept. */
  put(order: OrderRow): Promise<void>
  of(targetId: string): Promise<OrderRow | null>
  /** Of the targets that a certificate is deployed to, by their ids. */
  forCertificate(certificateId: string): Promise<readonly OrderRow[]>
  /** The certificates that are deployed to a target. */
  certificatesOn(targetId: string): Promise<readonly Pick<CertificateRow, 'commonName' | 'sans'>[]>
  /** Of the orders for the targets of an agent: characters of the longest document; 0: there is none. */
  longestOf(agentId: string): Promise<number>
  /** By the names of targets; `after`: such a name. */
  list(page: Page): Promise<readonly ListedOrder[]>
}
