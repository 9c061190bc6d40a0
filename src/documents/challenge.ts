/** A token as CAs make them (RFC 8555 §8.3): it becomes the name of a file. */
export const tokenPattern = '^[A-Za-z0-9_-]{16,256}$'
/** A token, and the thumbprint of an account's key. */
export const keyAuthorizationPattern = '^[A-Za-z0-9_-]{16,256}\\.[A-Za-z0-9_-]{43}$'

const isToken = new RegExp(tokenPattern)
const isAuthorization = new RegExp(keyAuthorizationPattern)

/** Whether this is the answer to a challenge with this token, and nothing else. */
export function isKeyAuthorization(token: string, keyAuthorization: string): boolean {
  return isToken.test(token) && isAuthorization.test(keyAuthorization) && keyAuthorization.startsWith(`${token}.`)
}
