import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'

const answerLimit = 8 * 1024 * 1024

/**
 * Gives Caddy its running configuration back, so that it reads its certificate files anew; `must-revalidate` has it do so
 * although nothing in the configuration differs (Caddy's API, `POST /load`). No key byte is in it.
 */
export async function reloadCaddy([url = '']: readonly string[], signal: AbortSignal): Promise<string> {
  const config = await ask(`${url}/config/`, signal)
  await ask(`${url}/load`, signal, config)
  return 'Caddy has loaded its configuration anew'
}

/** Not by `fetch`: its `Sec-Fetch-Mode` makes Caddy take us for a web page, and Debian 13's answers a page without an origin 403. */
async function ask(url: string, signal: AbortSignal, body?: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'cache-control': 'must-revalidate' }
  const call = request(url, { signal, ...(body === undefined ? {} : { method: 'POST', headers }) })
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
