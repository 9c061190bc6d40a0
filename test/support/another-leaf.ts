import type { Test } from 'tap'
import { makeAuthority } from './certificates.ts'
import { scripts, startMailServer } from './mail-server.ts'

/** An endpoint that speaks TLS and shows the same leaf for ever, whatever is deployed: a deployment that names it is undone. */
export async function serveAnotherLeaf(t: Test): Promise<string> {
  const pair = await (await makeAuthority('Another CA')).issue({ names: ['another.example'] })
  const { port } = await startMailServer(t, { script: scripts.tls, pairs: [pair] })
  return `127.0.0.1:${port}`
}
