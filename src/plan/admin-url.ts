/** Where Caddy's admin API is met. */
export interface AdminUrl {
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
}

const form = /^http:\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?))(?::([1-9]\d{0,4}))?\/?$/

/**
 * `http://HOST:PORT`, and nothing else: no user, path, query or backslash, which parsers of URLs read each in their own way. Null:
 * it is none.
 */
export function parseAdminUrl(text: string): AdminUrl | null {
  const [all, address, name, digits = '80'] = form.exec(text.toLowerCase()) ?? []
  const port = Number(digits)
  return all === undefined || port > 65_535 ? null : { host: address ?? name ?? '', port }
}

/** The one way to write it. */
export function writeAdminUrl({ host, port }: AdminUrl): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
