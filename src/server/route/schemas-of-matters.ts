import { matterKinds } from '../../notice/matter.ts'
import { longestMuteS } from '../../notice/mute.ts'

const name = { type: 'string', minLength: 1, maxLength: 200 } as const

/** What is to be muted. */
export const muteSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['for_s'],
  properties: {
    matter: { type: 'string', pattern: '^[0-9a-f]{16}$' },
    kind: { enum: matterKinds },
    agent: name,
    target: name,
    for_s: { type: 'integer', minimum: 60, maximum: longestMuteS },
  },
} as const

/** Whether what is over is listed, too. */
export const mattersQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { over: { enum: ['true', 'false'] } },
} as const
