const answerLimit = 8 * 1024 * 1024

/**
 * Gives Caddy its running configuration back, so that it reads its certificate files anew; `must-revalidate` has it do so
 * although nothing in the configuration differs (Caddy's API, `POST /load`). No key byte is in it.
 */
export async function reloadCaddy([url = '']: readonly string[], signal: AbortSignal): Promise<string> {
  const options = { signal, redirect: 'error' as const }
  const config = await read(await fetch(`${url}/config/`, options))
  const answer = await fetch(`${url}/load`, {
    ...options,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'cache-control': 'must-revalidate' },
    body: config,
  })
  await read(answer)
  return 'Caddy has loaded its configuration anew'
}

async function read(answer: Response): Promise<string> {
  let text = ''
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (text.length > answerLimit) throw new Error('the answer is too long')
  }
  if (!answer.ok) throw new Error(`Caddy answers ${answer.status}: ${text.slice(0, 500)}`)
  return text
}
