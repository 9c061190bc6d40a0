import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { openLimits } from '../../../../src/server/http/limits.ts'

const request = { id: 'req-1', ip: '192.0.2.1' } as FastifyRequest
const reply = { code: () => reply, header: () => reply, send: async () => {} } as unknown as FastifyReply

t.test('of the credentials that were good lately the newest are remembered, however many there were', async (t) => {
  const limits = openLimits({ now: async () => 0 })
  for (let at = 0; at <= 100_000; at += 1) await limits.isLimited(`agent-${at}`, `digest-${at}`, request, reply)
  for (let at = 0; at < 100; at += 1) await limits.countRefused(request)

  t.equal(await limits.isAddressLimited(request, reply, 'digest-100000'), false)
  t.equal(await limits.isAddressLimited(request, reply, 'digest-0'), true)
})
