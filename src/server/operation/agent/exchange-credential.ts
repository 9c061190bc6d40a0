import type { AgentRow } from '../../store/rows.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { addCredential, type Certify } from './register.ts'
import { isTwin } from './twin-told.ts'

const twoHosts =
  'two hosts have this credential: an operator ends one and has the other in again (waxseal control-plane readmit)'

/**
 * Gives an agent a new credential: a secret, or with `certify` a client certificate (PEM). The one that it has stays good until the new one was used; asked again, for the answer was
 * lost, it gets another, and the one that never arrived is good for nothing. While two hosts have it none is given: the one that used it
 * first would shut the other out, and which is the right one, people know.
 */
export function exchangeCredential(
  { store }: Pick<Parts, 'store'>,
  agent: AgentRow,
  certify?: Certify,
): Promise<string> {
  return store.transaction(async (inside) => {
    if (await isTwin(inside, agent.id)) throw new Refusal('conflict', twoHosts)
    await inside.credentials.revokeUnused(agent.id, await inside.now())
    const kind = certify === undefined ? 'secret' : 'certificate'
    await audit(inside, `agent:${agent.id}`, 'credential.exchange', agent.id, { kind })
    return addCredential(inside, agent, certify)
  })
}
