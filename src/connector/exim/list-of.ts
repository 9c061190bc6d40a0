import { isInNetwork } from '../wiring/address-in.ts'

/** A list by the specification of Exim, chapter 6: colons, doubled where one is meant, or `<;` and the separator of one's own. */
export function listOf(text: string): readonly string[] {
  const own = /^\s*<(\S)/.exec(text)?.[1]
  const entries =
    own === undefined
      ? text.split(/(?<!:):(?!:)/).map((entry) => entry.replaceAll('::', ':'))
      : text.trim().slice(2).split(own)
  return entries.map((entry) => entry.trim()).filter((entry) => entry !== '')
}

/** Whether a host list has an address: the first item that fits decides. Null: an item is a name or a lookup, which only Exim can tell. */
export function hasHost(list: string, address: string): boolean | null {
  const items = listOf(list)
  for (const item of items) {
    const [, not = '', host = ''] = /^(!?)\s*(.*)$/s.exec(item) ?? []
    if (!/^(\*|[0-9a-fA-F:.]+(\/\d+)?)$/.test(host)) return null
    if (host === '*' || isInNetwork(address, host)) return not === ''
  }
  // A list that ends with a negated item has all others.
  return items.at(-1)?.startsWith('!') === true
}
