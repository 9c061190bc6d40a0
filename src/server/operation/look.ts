import type { LookReport } from '../../control-plane/look-report.ts'
import type { LookRow } from '../store/look-store.ts'
import type { AgentRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { type Actor, audit } from './audit.ts'
import { activeAgent } from './named.ts'
import type { Parts } from './parts.ts'
import { Refusal } from './refusal.ts'
import { newId } from './secret.ts'

const mostOpen = 5
const atOnce = 2
const minuteMs = 60_000
const lateMs = 10 * minuteMs
const keepMs = 7 * 24 * 60 * minuteMs

/** Asks an agent to look at the mail of a domain from outside. Returns the id of the look. */
export function askLook(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  { domain, agent: named }: { readonly domain: string; readonly agent: string },
): Promise<string> {
  return store.transaction(async (inside) => {
    const agent = await activeAgent(inside, named)
    if (!agent.features.includes('look'))
      throw new Refusal(
        'conflict',
        `the policy of ${agent.name} allows no looks: set policy.look in the configuration of its host`,
      )
    const [id, at] = [newId('look'), await inside.now()]
    const row = { id, agentId: agent.id, domain, askedAt: at, askedBy: actor, handedAt: null, endedAt: null }
    if (!(await inside.looks.add({ ...row, report: null, refusal: null }, mostOpen)))
      throw new Refusal('conflict', `${agent.name} has ${mostOpen} looks to do already: ask again when they are done`)
    await audit(inside, actor, 'look.ask', agent.id, { look: id, domain })
    return id
  })
}

/** What became of it so far. */
export async function showLook({ store }: Pick<Parts, 'store'>, id: string): Promise<LookRow> {
  const found = await store.looks.byId(id)
  if (found === null) throw new Refusal('missing', 'there is no such look, or it was asked for more than a week ago')
  return found
}

/** What an agent is to look at; each is handed out once. */
export async function takeLooks({ store }: Pick<Parts, 'store'>, agent: AgentRow): Promise<readonly LookRow[]> {
  return store.looks.take(agent.id, await store.now(), atOnce)
}

/** Keeps what the agent saw, or why it did not look. */
export async function endLook(
  { store }: Pick<Parts, 'store'>,
  agent: AgentRow,
  id: string,
  { report, refusal }: { readonly report: LookReport | null; readonly refusal: string | null },
): Promise<void> {
  await store.transaction(async (inside) => {
    const text = report === null ? null : JSON.stringify(report)
    if (!(await inside.looks.end(id, agent.id, await inside.now(), text, refusal)))
      throw new Refusal('missing', 'this agent has no such look, or it is over')
    await audit(inside, `agent:${agent.id}`, 'look.report', id, { refusal })
  })
}

/** Ends what nobody has told the end of. */
export async function expireLooks(store: Store): Promise<void> {
  const at = await store.now()
  await store.looks.expire(at, at - lateMs, at - keepMs, 'its agent told nothing of it within ten minutes')
}
