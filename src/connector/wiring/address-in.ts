/** Whether an IP address is in a network: `127.0.0.0/8`, `::1`, `[::1]/128`. Names, and what is neither, are in none. */
export function isInNetwork(address: string, network: string): boolean {
  const [, written = '', bits] = /^\[?([0-9A-Fa-f:.]+)\]?(?:\/(\d{1,3}))?$/.exec(network.trim()) ?? []
  const [one, other] = [parse(address), parse(written)]
  if (one === null || other === null || one.length !== other.length) return false
  const length = Math.min(bits === undefined ? one.length : Number(bits), one.length)
  return one.slice(0, length) === other.slice(0, length)
}

/** As a text of 32 or 128 bits. */
function parse(address: string): string | null {
  if (!address.includes(':')) return parseIpv4(address)
  const last = /:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1]
  const embedded = last === undefined ? null : parseIpv4(last)
  const text = embedded === null || last === undefined ? address : address.slice(0, -last.length) + groupsOf(embedded)
  const halves = text.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const [before = [], after = []] = halves
  const missing = 8 - before.length - after.length
  if (halves.length > 2 || missing < 0 || (halves.length === 1 && missing > 0)) return null
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after]
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return null
  return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
}

function parseIpv4(address: string): string | null {
  const parts = address.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null
  return parts.map((part) => Number(part).toString(2).padStart(8, '0')).join('')
}

function groupsOf(bits: string): string {
  return [bits.slice(0, 16), bits.slice(16)].map((half) => Number.parseInt(half, 2).toString(16)).join(':')
}
