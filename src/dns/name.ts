const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * A DNS name as this program writes it: lower case, without the dot at the end, with labels of letters, digits, `-` and `_` alone. Null: it
 * is none. Wildcards and other characters are no name of a mail host, and mean something in files and to `nsupdate`.
 */
export function asName(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '')
  return name.length <= 253 && name.split('.').every((part) => label.test(part)) ? name : null
}

/** The name without its first label; null at a name of one label, for nothing is looked up at the root. */
export function parentOf(name: string): string | null {
  const dot = name.indexOf('.')
  return dot < 0 ? null : name.slice(dot + 1)
}

/** Whether the name is in the zone: its apex or below it. */
export function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`)
}

/** Whether two names are one, in any case of letters. */
export function isSameName(one: string, other: string): boolean {
  return one.toLowerCase().replace(/\.$/, '') === other.toLowerCase().replace(/\.$/, '')
}
