import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'

// `node poller.ts URL CA-FILE AGENT…`: these agents poll in turn over one connection until standard input ends; then prints how long
// each poll waited (JSON, milliseconds). A process of its own: what its neighbours' answers cost is no wait of a poll.
const [url = '', caFile = '', ...agents] = process.argv.slice(2)
const betweenMs = 25

const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } })
const waits: number[] = []
const over = new AbortController()
process.stdin.resume().once('end', () => over.abort())
await poll(agents[0] ?? '')
process.stdout.write('polling\n')
for (let at = 0; !over.signal.aborted; at += 1) {
  const start = performance.now()
  await poll(agents[at % agents.length] ?? '')
  waits.push(performance.now() - start)
  await new Promise((resolve) => setTimeout(resolve, betweenMs))
}
await dispatcher.destroy()
process.stdout.write(JSON.stringify(waits))

async function poll(id: string): Promise<void> {
  const { statusCode, body } = await request(`${url}/api/v1/agents/${id}/work`, {
    dispatcher,
    headers: { authorization: `Bearer ${id}` },
  })
  await body.dump()
  if (statusCode !== 200) throw new Error(`a poll was answered ${statusCode}`)
}
