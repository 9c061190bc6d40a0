import type { FastifyInstance } from 'fastify'
import type { Guard } from '../http/authenticate.ts'
import type { Drain } from '../http/drain.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Parts } from '../operation/parts.ts'

/** Whoever asks without a name makes at most one question to the database in this time. */
const goodForMs = 1000

/**
 * What a load balancer asks, without a credential: nothing of the fleet is in the answer. No limit is there: who guesses at credentials
 * comes from the load balancer's own address, and would have it take this server out.
 */
export function healthRoutes(server: FastifyInstance, parts: Pick<Parts, 'store' | 'authority'>, drain: Drain): void {
  const ready = readiness(parts)
  server.get('/healthz', async () => ({ status: 'alive' }))
  server.get('/readyz', async (_, reply) => {
    if (drain.ask()) return reply.code(503).send({ status: 'draining' })
    const missing = await ready()
    if (missing === null) return reply.send({ status: 'ready' })
    return reply.code(503).send({ status: 'not ready', missing })
  })
}

/** What Prometheus asks, as an operator whose role is reader: a proxy on this host would make everybody a neighbour. */
export function metricsRoute(server: FastifyInstance, metrics: Metrics, guard: Guard): void {
  server.get('/metrics', { onRequest: guard }, async (_, reply) => {
    const text = await metrics.text()
    return reply.type(metrics.contentType).send(text)
  })
}

/** What is missing to serve agents; null: nothing. */
function readiness({ store, authority }: Pick<Parts, 'store' | 'authority'>): () => Promise<string | null> {
  let askedAt = Number.NEGATIVE_INFINITY
  let answer: Promise<string | null> = Promise.resolve(null)
  const ask = async (): Promise<string | null> => {
    if (authority.caPem === '') return 'authority'
    // It writes: a full disk, and a standby, can be read.
    return store
      .now()
      .then((now) => store.server.set('ready_at', String(now)))
      .then(
        () => null,
        () => 'database',
      )
  }
  return () => {
    if (performance.now() - askedAt >= goodForMs) {
      askedAt = performance.now()
      answer = ask()
    }
    return answer
  }
}
