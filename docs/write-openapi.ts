import { writeFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { startControlPlane } from '../src/server/start-control-plane.ts'

/** Writes docs/openapi.json as a server of this version says it. */
const dataDir = await makeTemporaryFolder('waxseal-openapi-')
const plane = await startControlPlane({ dataDir, host: '127.0.0.1', port: 0 })
const dispatcher = new Agent({ connect: { ca: plane.caPem } })
try {
  const { body, statusCode } = await request(`${plane.url}/openapi.json`, { dispatcher })
  if (statusCode !== 200) throw new Error(`it does not say: ${statusCode} ${await body.text()}`)
  const document = JSON.stringify(await body.json(), null, 2)
  await writeFile(new URL('openapi.json', import.meta.url), `${document}\n`)
} finally {
  await dispatcher.destroy()
  await plane.close()
  await removeTree(dataDir)
}
