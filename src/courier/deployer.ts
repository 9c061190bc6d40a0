import { type AnswerTo, type Ask, LineRefused, lineOf, longestDocument, readAnswer } from '../documents/ask.ts'
import { catalogue, type ErrorCode } from '../error/catalogue.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { askLine } from '../host/socket/line-socket.ts'

type AskOf<Word extends Ask['ask']> = Extract<Ask, { readonly ask: Word }>

/** The half that changes the host, as the courier sees it. */
export interface Deployer {
  /** Throws DEPLOYER_UNREACHABLE, HALVES_DIFFER, or what the deployer says. `waitMs`: how long the answer may take. */
  ask<Word extends Ask['ask']>(ask: AskOf<Word>, waitMs?: number): Promise<AnswerTo[Word]>
}

/** It may have to be started, and puts in order what a crash left before it answers. */
const usualMs = 60_000

/** The deployer behind this Unix socket. Connects once for each ask: the service manager starts it where it does not run. */
export function openDeployer(socket: string): Deployer {
  return {
    ask: async (ask, waitMs = 0) => {
      const bounds = { timeoutMs: usualMs + waitMs, maxBytes: longestDocument }
      const line = await askLine(socket, lineOf(ask), bounds).catch((error: Error) => {
        throw unreachable(socket, error.message)
      })
      const answer = read(ask.ask, line, socket)
      if ('error' in answer) throw toldBy(answer.error)
      return answer
    },
  }
}

function read<Word extends Ask['ask']>(word: Word, line: string, socket: string): ReturnType<typeof readAnswer<Word>> {
  try {
    return readAnswer(word, line)
  } catch (error) {
    if (error instanceof LineRefused && error.isOther)
      throw new WaxsealError('HALVES_DIFFER', { reason: error.message })
    throw unreachable(socket, (error as Error).message)
  }
}

function unreachable(socket: string, reason: string): WaxsealError {
  return new WaxsealError('DEPLOYER_UNREACHABLE', { socket, reason })
}

function toldBy({ code, details }: { readonly code: string; readonly details: WaxsealError['details'] }): WaxsealError {
  return new WaxsealError(Object.hasOwn(catalogue, code) ? (code as ErrorCode) : 'DEPLOYER_UNREACHABLE', details)
}
