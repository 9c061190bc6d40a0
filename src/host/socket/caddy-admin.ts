import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type AdminUrl, parseAdminUrl, writeAdminUrl } from '../../plan/admin-url.ts'

const answerLimit = 8 * 1024 * 1024

/**
 * Gives Caddy its running configuration back, so that it reads its certificate files anew; `must-revalidate` has it do so
 * although nothing in the configuration differs (Caddy's API, `POST /load`). No key byte is in it.
 */
export async function reloadCaddy([text = '']: readonly string[], signal: AbortSignal): Promise<string> {
  const url = parseAdminUrl(text)
  if (url === null) throw new Error('this is no http://HOST:PORT')
  const { config, admin } = await findAdmin(url, signal)
  await ask('/load', admin, config)
  return 'Caddy has loaded its configuration anew'
}

/** The name is resolved once, and both calls go to the address that answered the first. `localhost` is this host, whatever a resolver says. */
async function findAdmin(url: AdminUrl, signal: AbortSignal): Promise<{ config: string; admin: Admin }> {
  const found = (await lookup(url.host, { all: true })).map(({ address }) => address)
  const addresses = url.host === 'localhost' ? found.filter((address) => /^(127\.|::1$)/.test(address)) : found
  let refused: unknown = new Error(`${url.host} has no address`)
  for (const address of addresses) {
    const admin = { url, address, signal }
    try {
      return { config: await ask('/config/', admin), admin }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
      refused = error
    }
  }
  throw refused
}

interface Admin {
  readonly url: AdminUrl
  readonly address: string
  readonly signal: AbortSignal
}

/** Not by `fetch`: its `Sec-Fetch-Mode` makes Caddy take us for a web page, and Debian 13's answers a page without an origin 403. */
async function ask(path: '/config/' | '/load', { url, address, signal }: Admin, body?: string): Promise<string> {
  const host = { host: writeAdminUrl(url).slice('http://'.length) }
  const headers = { 'content-type': 'application/json', 'cache-control': 'must-revalidate', ...host }
  const to = { host: address, port: url.port, path, signal }
  const call = request(body === undefined ? { ...to, headers: host } : { ...to, method: 'POST', headers })
  call.end(body)
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  answer.setEncoding('utf8')
  let text = ''
  for await (const chunk of answer as AsyncIterable<string>) {
    text += chunk
    if (text.length > answerLimit) throw new Error('the answer is too long')
  }
  if (answer.statusCode !== 200) throw new Error(`Caddy answers ${answer.statusCode}: ${text.slice(0, 500)}`)
  return text
}
