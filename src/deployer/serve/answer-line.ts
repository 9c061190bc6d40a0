import type { Logger } from 'pino'
import { type Ask, LineRefused, lineOf, readAsk } from '../../documents/ask.ts'
import { tellError } from '../../error/told-error.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import type { Deployer } from './deployer.ts'

/** A line for each line: what is not an ask is hostile, whoever sent it, and gets an error. Never rejects. */
export async function answerLine(
  line: string,
  deployer: Pick<Deployer, 'answer'>,
  gone: AbortSignal,
  log: Pick<Logger, 'warn' | 'debug'>,
): Promise<string> {
  let ask: Ask | null = null
  try {
    ask = askIn(line)
    return lineOf(await deployer.answer(ask, gone))
  } catch (error) {
    const coded = asWaxsealError(error)
    const reason = `${ask?.ask ?? 'a line'} is refused: ${String(coded.details['reason'] ?? coded.message)}`
    log[ask === null && coded.code === 'JOB_MALFORMED' ? 'debug' : 'warn']({ code: coded.code, reason }, 'ask refused')
    return lineOf({ error: tellError(coded) })
  }
}

function askIn(line: string): Ask {
  try {
    return readAsk(line)
  } catch (error) {
    if (!(error instanceof LineRefused)) throw error
    throw new WaxsealError(error.isOther ? 'HALVES_DIFFER' : 'JOB_MALFORMED', { reason: error.message.slice(0, 500) })
  }
}
