import { Command } from 'commander'
import { deploy } from '../agent/deploy.ts'
import type { Engine } from '../agent/engine.ts'
import { openEngine } from '../agent/open-engine.ts'
import { OutcomeDraft } from '../agent/outcome-draft.ts'
import { type DeployRequest, isAllInPlace, propose } from '../agent/propose.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { systemClock } from '../host/clock.ts'
import { readBounded } from '../host/read-bounded.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { printPlan } from '../plan/printed-plan.ts'
import { configOf, withConfig } from './context.ts'
import { exitStatusOf } from './exit-status.ts'
import { print, printJson } from './print.ts'

interface DeployOptions {
  readonly config?: string
  readonly connector: string
  readonly target?: string
  readonly cert: string
  readonly key: string
  readonly chain?: string
  readonly dryRun?: true
  readonly json?: true
}

/** `waxseal deploy`: one deployment without a control plane. */
export function deployCommand(): Command {
  const command = withConfig(new Command('deploy'))
    .description('Deploy one certificate with the same engine, policy and journal as the agent.')
    .requiredOption('--connector <name>', 'postfix or dovecot')
    .option('--target <file>', 'target configuration (JSON); without it the defaults of the connector')
    .requiredOption('--cert <file>', 'certificate, leaf first; its chain may follow (PEM)')
    .requiredOption('--key <file>', 'private key (PEM)')
    .option('--chain <file>', 'chain, where it is in a file of its own (PEM)')
    .option('--dry-run', 'print what would be done, and change nothing')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExit status: 0 deployed or unchanged, 2 usage or configuration, 3 refused (host untouched),\n4 rolled back (host restored), 5 rollback failed (host unknown), 1 anything else.',
    )
  return command.action(async (options: DeployOptions) => {
    const engine = await openEngine(await configOf(options), systemClock)
    const request = await requestOf(options)
    if (options.dryRun === true) await dryRun(request, engine)
    else await run(request, engine, options.json === true)
  })
}

async function requestOf(options: DeployOptions): Promise<DeployRequest> {
  const keyPem = await readText(options.key)
  const chain = options.chain === undefined ? {} : { chainPem: await readText(options.chain) }
  return {
    target: options.target ?? options.connector,
    connector: options.connector,
    config: options.target === undefined ? {} : parseTarget(options.target, await readText(options.target)),
    certificatePem: await readText(options.cert),
    ...chain,
    findKey: async () => keyPem,
  }
}

async function readText(file: string): Promise<string> {
  const bytes = await readBounded(file, 1024 * 1024).catch((error: Error) => {
    throw new WaxsealError('CONFIG_INVALID', { file, reason: error.message })
  })
  if (bytes === null) throw new WaxsealError('CONFIG_INVALID', { file, reason: 'there is no such file' })
  return Buffer.from(bytes).toString('utf8')
}

function parseTarget(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new WaxsealError('CONFIG_INVALID', { file, reason: (error as Error).message })
  }
}

/** Always one JSON document: the plan without contents, and per file whether it would change. */
async function dryRun(request: DeployRequest, engine: Engine): Promise<void> {
  const draft = new OutcomeDraft(engine.clock, () => {})
  try {
    const proposal = await propose(request, engine, draft)
    const files = proposal.changes.map(({ path, destination, before, after }) => ({ path, destination, before, after }))
    printJson({
      dryRun: true,
      unchanged: isAllInPlace(proposal),
      certificate: draft.certificate,
      plan: printPlan(proposal.plan),
      files,
    })
  } catch (error) {
    if (!(error instanceof WaxsealError)) throw error
    printJson(draft.refuse(error))
    process.exitCode = 3
  }
}

async function run(request: DeployRequest, engine: Engine, json: boolean): Promise<void> {
  const outcome = await deploy(request, engine, ({ name, ms }) => {
    if (!json) print(`  ${name.padEnd(10)} ${String(ms).padStart(6)} ms`)
  })
  if (json) printJson(outcome)
  else print(...describeOutcome(outcome))
  process.exitCode = exitStatusOf(outcome)
}

/** An outcome for a person. */
function describeOutcome(outcome: Outcome): readonly string[] {
  const certificate = outcome.certificate
  return [
    `${outcome.outcome}: the host is ${outcome.host}. ${outcome.code === null ? '' : `${outcome.code}: `}${outcome.message}`,
    ...(certificate === null ? [] : [`  certificate ${certificate.names.join(', ')}, until ${certificate.notAfter}`]),
    ...outcome.files.map((file) => `  file ${file.path} (${file.role})`),
    ...outcome.probes.map((probe) => {
      const seen = probe.ok
        ? `serves ${probe.seen?.slice(0, 16)}…`
        : (probe.error ?? `serves another leaf, ${probe.seen}`)
      return `  ${probe.ok ? 'ok    ' : 'FAILED'} ${probe.protocol} ${probe.address} ${seen} (${probe.attempts} tries, ${probe.ms} ms)`
    }),
  ]
}
