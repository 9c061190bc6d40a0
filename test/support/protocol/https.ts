import { Agent, request } from 'undici'
import { type Place, Refused } from './client.ts'

/** One request, to the letter. */
export interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: object | null
}

/** What came back. */
export interface Received {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

/** Sends requests over HTTPS with the CA of a server; refusals are answers, too. */
export function openHttps({ url, caPem }: Place): {
  send(sent: Sent): Promise<Received & { readonly refused: Refused | null }>
  close(): Promise<void>
} {
  const dispatcher = new Agent({ connect: { ca: caPem } })
  return {
    send: async ({ method, path, headers, body }) => {
      const answer = await request(`${url}${path}`, {
        method: method as 'GET',
        dispatcher,
        headers: { ...headers, ...(body === null ? {} : { 'content-type': 'application/json' }) },
        body: body === null ? null : JSON.stringify(body),
      })
      const [status, text] = [answer.statusCode, await answer.body.text()]
      const wait = answer.headers['retry-after']
      const refused = status < 300 ? null : new Refused(status, wait === undefined ? null : Number(wait), text)
      return { status, text, contentType: String(answer.headers['content-type'] ?? ''), refused }
    },
    close: () => dispatcher.destroy(),
  }
}
