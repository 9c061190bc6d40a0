import { pino } from 'pino'
import { connect } from '../../src/cli/control-plane/connect.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { systemClock } from '../../src/host/clock.ts'
import { startBothHalves } from '../../test/support/both-halves.ts'

/** Both halves in one process, as no service has them: `CONFIG`. It ends at SIGTERM. */
const [, , file = ''] = process.argv
const config = await loadConfig({ file, env: {} })
const controlPlane = await connect(config)
const log = pino({ base: null })
const { pollIntervalMs, heartbeatIntervalMs } = config
const halves = await startBothHalves({
  config,
  controlPlane,
  clock: systemClock,
  log,
  pollIntervalMs,
  heartbeatIntervalMs,
})
log.info('agent starts')
process.once('SIGTERM', () => void halves.stop().then(() => controlPlane.close()))
await halves.ended
