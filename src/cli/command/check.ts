import { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import { courierMemoryFolder, readMembership } from '../../deployer/serve/courier-memory.ts'
import { readShownHost } from '../../documents/read-shown-host.ts'
import { type Examination, examine } from '../../examine/examine.ts'
import { systemClock } from '../../host/clock.ts'
import { hostFacts } from '../../host/host-facts.ts'
import { version } from '../../version.ts'
import { configOf, withConfig } from '../context.ts'
import { endpointOf } from '../control-plane/connect.ts'
import { type FacedControlPlane, faceControlPlane } from '../control-plane/face-control-plane.ts'
import { effectiveBeforeUs } from '../own-environment.ts'
import { print, printJson, withDocs } from '../print/print.ts'
import { table } from '../print/table.ts'
import { coloured, type Line, styled } from '../print/terminal.ts'

/** `waxseal check`: everything that a deployment depends on. */
export function checkCommand(): Command {
  return withConfig(new Command('check'))
    .description(
      'Look at configuration, state, control plane, the wiring of the daemons, and every target; change nothing.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExit status: 0 nothing failed, 1 something did, 2 usage or configuration.')
    .action(async (options: { readonly config?: string; readonly json?: true }) => {
      const config = await configOf(options)
      const engine = await openEngine(config, systemClock)
      const controlPlane = config.controlPlane === null ? null : await faced(config)
      const shown = await readShownHost(config.stateDir)
      const looked = await examine({ config, engine, controlPlane, facts: hostFacts(version), shown })
      const examination = { ...looked, findings: [...looked.findings, ...environmentFindings()] }
      if (options.json === true) printJson(examination)
      else print(...findingLines(examination), ...wiringLines(examination))
      process.exitCode = examination.findings.some(({ verdict }) => verdict === 'failed') ? 1 : 0
    })
}

async function faced(config: Config): Promise<FacedControlPlane> {
  return faceControlPlane(await endpointOf(config), () => readMembership(courierMemoryFolder(config.stateDir)))
}

function environmentFindings(): Examination['findings'] {
  const names = effectiveBeforeUs().join(' ')
  if (names === '') return []
  const detail = `${names} had its effect on this process before it could be ignored: unset it, in a drop-in of the unit too`
  return [{ what: 'environment', verdict: 'warning', detail }]
}

const kinds = { ok: 'good', warning: 'warn', failed: 'bad' } as const

function findingLines({ findings }: Examination): readonly Line[] {
  return findings.map(
    ({ what, verdict, detail }) => styled`${coloured(kinds[verdict], verdict.padEnd(8))} ${what}: ${withDocs(detail)}`,
  )
}

/** A row per listener and name: where it is, what it speaks, what it reads. */
function wiringLines({ wiring }: Examination): readonly string[] {
  const rows = wiring.flatMap(({ connector, listeners }) =>
    listeners.map(({ name, host, port, protocol, servername, files }) => [
      connector,
      name,
      `${host}:${port}`,
      protocol,
      servername ?? '-',
      files.map(({ path }) => path).join(' '),
    ]),
  )
  if (rows.length === 0) return []
  return ['', ...table(['DAEMON', 'LISTENER', 'ADDRESS', 'SPEAKS', 'NAME', 'READS'], rows)]
}
