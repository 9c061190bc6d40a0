import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Random } from '../../hostile/support/random.ts'

/** An answer that came whole; null: none did. */
export type ChaosAnswer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> } | null

/** One call, tried once. */
export type ChaosCall = (
  method: 'GET' | 'POST',
  path: string,
  credential: string,
  body?: object,
  headers?: Readonly<Record<string, string>>,
) => Promise<ChaosAnswer>

/** The longest that a call may take: a server that is killed takes none of its answers with it for longer. */
const callMs = 20_000

/** Calls of one server, which trust this CA alone; they reject after `gaveUp`, which ends all that tries again. */
export function openCalls(
  url: string,
  ca: string,
  gaveUp: AbortSignal,
): { readonly call: ChaosCall; close(): Promise<void> } {
  const dispatcher = new Agent({ connect: { ca }, headersTimeout: callMs, bodyTimeout: callMs })
  return {
    close: () => dispatcher.destroy(),
    call: async (method, path, credential, body, headers = {}) => {
      gaveUp.throwIfAborted()
      try {
        const answer = await request(`${url}${path}`, {
          dispatcher,
          method,
          headers: {
            ...headers,
            authorization: `Bearer ${credential}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: body === undefined ? null : JSON.stringify(body),
        })
        return { status: answer.statusCode, body: (await answer.body.json()) as Readonly<Record<string, unknown>> }
      } catch {
        return null
      }
    },
  }
}

/** For some time, at most so many milliseconds. */
export function briefly(random: Random, mostMs: number): Promise<void> {
  return pause(random.below(mostMs))
}
