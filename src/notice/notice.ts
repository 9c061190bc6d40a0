import type { Matter } from './matter.ts'
import type { Told } from './matter-life.ts'

/** One message: what is new, what is still so, what is over. It is the body of a webhook and the input of a command. */
export interface Notice {
  readonly v: 1
  /** The same where it is sent again, because it is not known whether it arrived. */
  readonly id: string
  /** RFC 3339, UTC. */
  readonly at: string
  /** The host that tells it. */
  readonly from: string
  readonly is_test: boolean
  readonly opened: readonly NoticeLine[]
  readonly still: readonly NoticeLine[]
  readonly over: readonly NoticeLine[]
  /** How many more there are of each, which are not listed here. */
  readonly more: { readonly opened: number; readonly still: number; readonly over: number }
}

/** One matter in it. */
export interface NoticeLine extends Pick<Matter, 'kind' | 'code' | 'agent' | 'target' | 'certificate' | 'text'> {
  readonly matter: string
  readonly since: string
}

/** Of each list. */
export const mostLines = 25

/** The message of what is to be told; null: nothing is. */
export function noticeOf(id: string, from: string, told: Told, now: number): Notice | null {
  const { opened, still, over } = told
  if (opened.length + still.length + over.length === 0) return null
  const more = (list: readonly Matter[]): number => Math.max(0, list.length - mostLines)
  return {
    v: 1,
    id,
    at: new Date(now).toISOString(),
    from,
    is_test: false,
    opened: linesOf(opened),
    still: linesOf(still),
    over: linesOf(over),
    more: { opened: more(opened), still: more(still), over: more(over) },
  }
}

/** The message of a test: that the way works. */
export function testNotice(id: string, from: string, now: number): Notice {
  const none = { opened: [], still: [], over: [], more: { opened: 0, still: 0, over: 0 } }
  return { v: 1, id, at: new Date(now).toISOString(), from, is_test: true, ...none }
}

function linesOf(list: readonly Matter[]): readonly NoticeLine[] {
  return list.slice(0, mostLines).map(({ id, kind, code, agent, target, certificate, text, openedAt }) => ({
    matter: id,
    since: new Date(openedAt).toISOString(),
    kind,
    code,
    agent,
    target,
    certificate,
    text,
  }))
}
