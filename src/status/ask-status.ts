import { Agent } from 'undici'
import { schemaCheck } from '../schema/schema-check.ts'
import type { StatusDocument } from './status-document.ts'
import { statusSchema } from './status-schema.ts'

const limitMs = 5000
const mostBytes = 16 * 1024 * 1024
const isStatus = schemaCheck<StatusDocument>(statusSchema)

/** What the agent says at this Unix socket; null where none answers, or something else does. */
export async function askStatus(socketPath: string): Promise<StatusDocument | null> {
  const agent = new Agent({ connect: { socketPath }, maxResponseSize: mostBytes })
  try {
    const { statusCode, body } = await agent.request({
      origin: 'http://localhost',
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
