import { createHash } from 'node:crypto'
import { limits } from '../limit/limits.ts'

/** A token as CAs make them (RFC 8555 §8.3): it becomes the name of a file. */
export const tokenPattern = '^[A-Za-z0-9_-]{16,256}$'
/** A token, and the thumbprint of an account's key. */
export const keyAuthorizationPattern = '^[A-Za-z0-9_-]{16,256}\\.[A-Za-z0-9_-]{43}$'

/** What was written longer ago is no answer any more: milliseconds. */
export const answerLifeMs = limits.challengeAnswerLife.most

const isToken = new RegExp(tokenPattern)
const isAuthorization = new RegExp(keyAuthorizationPattern)

/** Whether this is the answer to a challenge with this token, and nothing else. */
export function isKeyAuthorization(token: string, keyAuthorization: string): boolean {
  return isToken.test(token) && isAuthorization.test(keyAuthorization) && keyAuthorization.startsWith(`${token}.`)
}

/** The thumbprint of the account whose answer this is. */
export function accountIn(keyAuthorization: string): string {
  return keyAuthorization.slice(keyAuthorization.indexOf('.') + 1)
}

/** The file in which the responder finds the answer: it is for a request at this name alone. A CA may ask in any case, and with a dot at the end. */
export function answerFileOf(token: string, name: string): string {
  const plain = name.toLowerCase().replace(/\.$/, '')
  return `${token}.${createHash('sha256').update(plain).digest('hex').slice(0, 32)}`
}
