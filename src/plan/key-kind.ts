/** The kinds of keys that this host makes, in the words of the wire (protocol §4). */
export const keyKinds = ['p256', 'p384', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519'] as const
export type KeyKind = (typeof keyKinds)[number]

/** A word from outside as a kind; null: it is none of them. */
export function keyKindIn(word: string): KeyKind | null {
  return keyKinds.find((kind) => kind === word) ?? null
}
