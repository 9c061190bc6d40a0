import { Agent, request } from 'undici'

/** What came back, with its text. */
export interface PageAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** From the request to the first byte of the answer. */
  readonly firstByteMs: number
}

/** A browser without a window, a script or a store of its own: it has the cookie that it was given last. */
export interface Visitor {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<PageAnswer>
  /** As a form of this control plane sends it; `headers` come on top. */
  post(
    path: string,
    form: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<PageAnswer>
  signIn(token: string): Promise<PageAnswer>
  /** What it sends; null: it has none. */
  cookie: string | null
  close(): Promise<void>
}

/** Visits a control plane. */
export function openVisitor({ url, caPem }: { readonly url: string; readonly caPem: string }): Visitor {
  const dispatcher = new Agent({ connect: { ca: caPem } })
  const send = async (
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string | undefined>>,
    body: string | null,
  ): Promise<PageAnswer> => {
    const all = { ...(visitor.cookie === null ? {} : { cookie: visitor.cookie }), ...headers }
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const begun = performance.now()
    const answer = await request(`${url}${path}`, { method, dispatcher, headers: Object.fromEntries(given), body })
    const firstByteMs = performance.now() - begun
    const text = await answer.body.text()
    const [set] = [answer.headers['set-cookie'] ?? []].flat()
    if (set !== undefined) visitor.cookie = /Max-Age=0/.test(set) ? null : (set.split(';')[0] ?? null)
    return { status: answer.statusCode, headers: answer.headers, text, firstByteMs }
  }
  const visitor: Visitor = {
    cookie: null,
    get: (path, headers = {}) => send('GET', path, headers, null),
    post: (path, form, headers = {}) => {
      const own = { origin: url, 'content-type': 'application/x-www-form-urlencoded' }
      return send('POST', path, { ...own, ...headers }, new URLSearchParams(form).toString())
    },
    signIn: (token) => visitor.post('/fleet/sign-in', { token }),
    close: () => dispatcher.destroy(),
  }
  return visitor
}
