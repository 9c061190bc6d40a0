import { readFile } from 'node:fs/promises'
import { loadConfig } from '../../../src/config/load-config.ts'
import { openEngine } from '../../../src/deployer/open-engine.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { deployInputs, type Input } from './deploy-inputs.ts'

/** What is killed where several deployments are one transaction: `CONFIG INPUTS`. */
const [, , file = '', inputs = ''] = process.argv
const engine = await openEngine(await loadConfig({ file, env: {} }), systemClock)
await deployInputs(JSON.parse(await readFile(inputs, 'utf8')) as Input[], engine)
