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

t.test('an agent has five thousand CSRs at once and one a second then, and others have their own', async (t) => {
  let now = 0
  const limits = openLimits({ now: async () => now })
  const isLimited = (agent = 'agent-1') => limits.isLastingLimited('csr', agent, request, reply)
  const first: boolean[] = []
  for (let count = 0; count < 5001; count += 1) first.push(await isLimited())

  t.equal(first.indexOf(true), 5000)
  t.equal(await isLimited('agent-2'), false)
  now = 1000
  t.same([await isLimited(), await isLimited()], [false, true])
})
