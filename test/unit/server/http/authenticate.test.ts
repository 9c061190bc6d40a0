import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { guardAgent } from '../../../../src/server/http/authenticate.ts'
import { openLimits } from '../../../../src/server/http/limits.ts'
import type { Parts } from '../../../../src/server/operation/parts.ts'
import { Refusal } from '../../../../src/server/operation/refusal.ts'

const request = { headers: { authorization: 'Bearer wxa_one' }, ip: '192.0.2.1' } as FastifyRequest
const reply = {} as FastifyReply

t.test('an agent that is asked to come again later is not one whose credential is wrong', async (t) => {
  const limits = openLimits({ now: async () => 0 })
  const counted: unknown[] = []
  const guard = guardAgent({} as Parts, { ...limits, countRefused: async (of) => void counted.push(of) }, async () => {
    throw new Refusal('busy', 'too many CSRs wait; send it again')
  })

  await t.rejects(guard(request, reply), /too many CSRs wait/)

  t.same(counted, [])
})
