import { readFile } from 'node:fs/promises'
import { pino } from 'pino'
import { loadConfig } from '../../src/config/load-config.ts'
import { openControlPlane } from '../../src/control-plane/open-control-plane.ts'
import { systemClock } from '../../src/host/clock.ts'
import { startBothHalves } from '../../test/support/both-halves.ts'

/** Both halves in one process, as no service has them: `CONFIG`. It ends at SIGTERM. */
const [, , file = ''] = process.argv
const config = await loadConfig({ file, env: {} })
const { controlPlane } = config
if (controlPlane === null || controlPlane.agentId === null || controlPlane.credentialFile === null)
  throw new Error(`${file} names no control plane`)
const text = async (path: string): Promise<string> => (await readFile(path, 'utf8')).trim()
const open = openControlPlane({
  url: controlPlane.url,
  ca: controlPlane.caFile === null ? null : await text(controlPlane.caFile),
  agentId: controlPlane.agentId,
  credential: await text(controlPlane.credentialFile),
})
const log = pino({ base: null })
const halves = await startBothHalves({
  config,
  controlPlane: open,
  clock: systemClock,
  log,
  pollIntervalMs: config.pollIntervalMs,
  heartbeatIntervalMs: config.heartbeatIntervalMs,
})
log.info('agent starts')
process.once('SIGTERM', () => void halves.stop().then(() => open.close()))
await halves.ended
