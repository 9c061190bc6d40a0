import type { FastifyInstance } from 'fastify'
import type { Channel } from '../../notice/channel.ts'
import type { MatterKind } from '../../notice/matter.ts'
import type { Mute } from '../../notice/mute.ts'
import { actorOf } from '../http/authenticate.ts'
import { addMute, endMute, listMatters, type ShownMatter } from '../operation/matter/mutes.ts'
import { testChannels } from '../operation/matter/send-notices.ts'
import type { Parts } from '../operation/parts.ts'
import { timeOnWire, timeOrNull } from './on-wire.ts'
import { mattersQuerySchema, muteSchema } from './schemas-of-matters.ts'

interface MuteBody {
  readonly matter?: string
  readonly kind?: MatterKind
  readonly agent?: string
  readonly target?: string
  readonly for_s: number
}

/** The operator's calls about what is the matter, and who is told. */
export function operatorMatterRoutes(
  server: FastifyInstance,
  parts: Parts,
  { channels, from }: { readonly channels: readonly Channel[]; readonly from: string },
): void {
  server.get<{ Querystring: { over?: 'true' | 'false' } }>(
    '/matters',
    { schema: { querystring: mattersQuerySchema } },
    async (request) => ({
      matters: (await listMatters(parts, request.query.over === 'true')).map(matterOnWire),
      channels: channels.map(({ name }) => name),
    }),
  )

  server.get('/mutes', async () => ({
    mutes: (await parts.store.mutes.list(await parts.store.now())).map(muteOnWire),
  }))

  server.post<{ Body: MuteBody }>('/mutes', { schema: { body: muteSchema } }, async (request, reply) => {
    const { for_s: forS, ...what } = request.body
    return reply.code(201).send(muteOnWire(await addMute(parts, actorOf(request), { ...what, forS })))
  })

  server.post<{ Params: { id: string } }>('/mutes/:id/end', async (request) => {
    await endMute(parts, actorOf(request), request.params.id)
    return { status: 'ended' }
  })

  server.post('/notices/test', async () => ({
    channels: await testChannels(channels, from, await parts.store.now()),
  }))
}

function matterOnWire(matter: ShownMatter) {
  const { id, kind, code, agent, target, certificate, text, openedAt, overAt, toldAt, isMuted } = matter
  return {
    id,
    kind,
    code,
    agent,
    target,
    certificate,
    text,
    since: timeOnWire(openedAt),
    over_at: timeOrNull(overAt),
    told_at: timeOrNull(toldAt),
    is_muted: isMuted,
  }
}

function muteOnWire({ id, matterId, kind, agent, target, until, createdBy }: Mute) {
  return { id, matter: matterId, kind, agent, target, until: timeOnWire(until), by: createdBy }
}
