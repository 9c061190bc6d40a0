import type { FastifyInstance } from 'fastify'
import { readSigned, type SignedOrder, signedOrderSchema } from '../../order/signed-order.ts'
import { actorOf } from '../http/authenticate.ts'
import { addOrder } from '../operation/order/add-order.ts'
import { draftOrder } from '../operation/order/draft-order.ts'
import type { Parts } from '../operation/parts.ts'
import type { ListedOrder } from '../store/order-store.ts'
import { timeOnWire } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { pageSchema } from './schemas.ts'

/** The operator's calls about standing orders. */
export function operatorOrderRoutes(server: FastifyInstance, parts: Parts): void {
  server.get<{ Params: { name: string } }>('/targets/:name/order', async (request) =>
    draftOrder(parts, request.params.name),
  )

  server.get<{ Querystring: PageQuery }>('/orders', { schema: { querystring: pageSchema } }, async (request) => {
    const page = pageOf(request.query)
    const orders = await parts.store.orders.list(page)
    return { orders: orders.map(orderOnWire), next: nextOf(orders, page, ({ targetName }) => targetName) }
  })

  server.post<{ Body: SignedOrder }>('/orders', { schema: { body: signedOrderSchema } }, async (request, reply) => {
    const { target, order } = await addOrder(parts, actorOf(request), request.body)
    const { host, sequence, not_after } = order
    return reply.code(201).send({ target: target.name, host, sequence, not_after })
  })
}

function orderOnWire(row: ListedOrder) {
  const { targetId, targetName, document, signature, key, addedAt, addedBy } = row
  const { host, names, sequence, not_before, not_after } = readSigned(row)
  return {
    target_id: targetId,
    target: targetName,
    host,
    names,
    sequence,
    not_before,
    not_after,
    key,
    added_at: timeOnWire(addedAt),
    added_by: addedBy,
    signed: { document, signature, key },
  }
}
