import { join } from 'node:path'
import { readBounded } from '../host/file/read-bounded.ts'
import { matterKinds } from '../notice/matter.ts'
import { type Mute, mostMutes } from '../notice/mute.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { viewFolder } from './shown-host.ts'

const nameOrNull = { type: ['string', 'null'], maxLength: 200 } as const
const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['v', 'mutes'],
  properties: {
    v: { const: 1 },
    mutes: {
      type: 'array',
      maxItems: mostMutes,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['id', 'matterId', 'kind', 'agent', 'target', 'until', 'createdAt', 'createdBy'],
        properties: {
          id: nameOrNull,
          matterId: nameOrNull,
          kind: { enum: [...matterKinds, null] },
          agent: nameOrNull,
          target: nameOrNull,
          until: { type: 'number' },
          createdAt: { type: 'number' },
          createdBy: { type: 'string', maxLength: 200 },
        },
      },
    },
  },
} as const

const check = schemaCheck<{ readonly v: 1; readonly mutes: readonly Mute[] }>(schema)
const longest = 1024 * 1024

/** What root has muted on this host: a file of root's beside what the deployer shows. */
export function hostMutesFile(stateDir: string): string {
  return join(viewFolder(stateDir), 'mutes.json')
}

/** The mutes in it; none where it is missing, or cannot be read. */
export async function readHostMutes(stateDir: string): Promise<readonly Mute[]> {
  try {
    const bytes = await readBounded(hostMutesFile(stateDir), longest)
    const document: unknown = bytes === null ? null : JSON.parse(Buffer.from(bytes).toString('utf8'))
    return check(document) ? document.mutes : []
  } catch {
    return []
  }
}
