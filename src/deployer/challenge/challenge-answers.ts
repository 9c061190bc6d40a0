import type { HttpAnswers } from '../../config/acme-policy.ts'
import type { PolicyConfig } from '../../config/config.ts'
import { answersFolder } from '../../documents/answers-folder.ts'
import { answerFileOf, answerLifeMs, isKeyAuthorization } from '../../documents/challenge.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import type { Clock } from '../../host/clock.ts'
import { type AnswerPlace, makeAnswerFolder, removeAnswer, writeAnswer } from '../../host/file/answer-file.ts'
import { type DocumentFolder, openDocumentFolder } from '../../host/file/folder/document-folder.ts'
import { resolveOwnFolder } from '../../host/policy-host.ts'
import { requireRoomFor } from '../../limit/within.ts'
import { oneAtATime } from '../../outbox/one-at-a-time.ts'
import { keeperFor } from '../../policy/keeper-for.ts'

/** One answer that this host has put somewhere. */
export interface PutAnswer {
  /** Of the folder that it is below. */
  readonly root: string
  readonly below: readonly string[]
  /** Milliseconds since 1970: then it goes. */
  readonly until: number
}

/** What a CA is answered. */
export interface ChallengeAnswer {
  /** The name that it asks for. */
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
  readonly lifetimeMs: number
}

/** Answers to http-01 challenges (RFC 8555 §8.3), where the host's policy has them: a file each, for a while. */
export interface ChallengeAnswers {
  /**
   * Puts it there; it is there on return. The responder answers it for this name alone; a web server at whose port 80 it is below the
   * webroot answers it for each that leads there. CHALLENGE_NOT_ALLOWED: policy.acme.http is not set. PATH_NOT_ALLOWED: others than root may write in the
   * folder. LIMIT_EXCEEDED: there are too many.
   */
  put(answer: ChallengeAnswer): Promise<void>
  /** Removes those whose time is over; what cannot be removed is tried again. */
  tidy(): Promise<void>
}

/** JSON schema of one. */
export const putAnswerSchema = {
  type: 'object',
  required: ['root', 'below', 'until'],
  properties: {
    root: { type: 'string', pattern: '^/' },
    below: { type: 'array', maxItems: 2, items: { enum: ['.well-known', 'acme-challenge'] } },
    until: { type: 'number' },
  },
} as const

/** What answering needs. */
interface AnswerParts {
  /** Where is written down what was put where. */
  readonly path: string
  readonly stateDir: string
  readonly policy: () => Pick<PolicyConfig, 'acme' | 'folders'>
  readonly clock: Pick<Clock, 'now'>
}

const dayMs = 86_400_000
const belowWebroot = ['.well-known', 'acme-challenge'] as const

/** Opens what was put before, and removes what is over. */
export async function openChallengeAnswers(parts: AnswerParts): Promise<ChallengeAnswers> {
  const { path, policy, clock } = parts
  const folder = await openDocumentFolder<PutAnswer>({ path, schema: putAnswerSchema })
  const inTurn = oneAtATime()
  const answers: ChallengeAnswers = {
    put: ({ name, token, keyAuthorization, lifetimeMs }) =>
      inTurn(async () => {
        if (!isKeyAuthorization(token, keyAuthorization))
          throw new WaxsealError('JOB_MALFORMED', { reason: 'it is no token with its key authorization' })
        const { http } = policy().acme
        if (http === null) throw new WaxsealError('CHALLENGE_NOT_ALLOWED', { setting: 'policy.acme.http' })
        await tidyAll(folder, policy(), clock)
        const file = 'responder' in http ? answerFileOf(token, name) : token
        if ((await folder.get(file)) === null) requireRoomFor('challengeAnswers', await folder.count())
        const place = await placeOf(http, parts)
        // First: what a crash leaves is removed when its time is over.
        const until = clock.now() + Math.min(lifetimeMs, answerLifeMs)
        await folder.put(file, { root: place.root, below: place.below, until })
        await writeAnswer(place, file, keyAuthorization)
      }),
    // What cannot be read or removed now is looked at again.
    tidy: () => inTurn(() => tidyAll(folder, policy(), clock)).catch(() => {}),
  }
  await answers.tidy()
  return answers
}

async function placeOf(http: HttpAnswers, { stateDir, policy }: AnswerParts): Promise<AnswerPlace> {
  if ('responder' in http) {
    const root = answersFolder(stateDir)
    await makeAnswerFolder(root)
    return { root, below: [], keeper: null }
  }
  const root = await resolveOwnFolder(http.webroot)
  return { root, below: belowWebroot, keeper: await keeperFor(`${root}/answer`, policy()) }
}

async function tidyAll(
  folder: DocumentFolder<PutAnswer>,
  policy: Pick<PolicyConfig, 'folders'>,
  clock: Pick<Clock, 'now'>,
): Promise<void> {
  for (const { id, document } of await folder.list()) {
    const { root, below, until } = document
    // A clock that was ahead for a while must not keep it for ever.
    if (until > clock.now() && until - clock.now() <= answerLifeMs) continue
    try {
      await removeAnswer({ root, below, keeper: await keeperFor(`${root}/answer`, policy) }, id)
    } catch (error) {
      // In a folder that others may write in by now nothing is removed; policy may name them within a day.
      if (asWaxsealError(error).code !== 'PATH_NOT_ALLOWED' || Math.abs(clock.now() - until) < dayMs) continue
    }
    await folder.remove(id)
  }
}
