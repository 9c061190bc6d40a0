import { Agent } from 'undici'
import type { Config } from '../config/config.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import type { StatusDocument } from './status-document.ts'
import { statusSchema } from './status-schema.ts'

const limitMs = 5000
const isStatus = schemaCheck<StatusDocument>(statusSchema)

/** What the agent's own endpoint says; null where none answers, or something else does. */
export async function askStatus(listen: NonNullable<Config['status']>): Promise<StatusDocument | null> {
  const agent = new Agent('socket' in listen ? { connect: { socketPath: listen.socket } } : {})
  const host =
    'socket' in listen ? 'localhost' : `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`
  try {
    const { statusCode, body } = await agent.request({
      origin: `http://${host}`,
      path: '/status',
      method: 'GET',
      signal: AbortSignal.timeout(limitMs),
    })
    const document: unknown = await body.json()
    return statusCode === 200 && isStatus(document) ? document : null
  } catch {
    return null
  } finally {
    await agent.destroy()
  }
}
