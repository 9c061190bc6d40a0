import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import type { Send } from './request.ts'

/** So many in a row are no accident. */
const toldAfter = 3

/** What it may mean that a server has an error of its own for each call of one agent: some have no 404 for an id that they do not know. */
export const unknownAgent =
  'The server answers 500 to this agent. Where the server itself is well: is control_plane.agent_id (CERTCTL_AGENT_ID) right?'

/** Counts the failures of an agent's own calls, and adds to an error what they may mean. */
export function noticeUnknownAgent(send: Send): Send {
  let inARow = 0
  return async (call) => {
    try {
      const answer = await send(call)
      inARow = 0
      return answer
    } catch (error) {
      const coded = asWaxsealError(error)
      inARow = coded.details['status'] === 500 ? inARow + 1 : 0
      if (inARow < toldAfter) throw coded
      throw new WaxsealError(coded.code, { ...coded.details, hint: unknownAgent }, { cause: coded })
    }
  }
}
