import { basename } from 'node:path'
import { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { deploy } from '../../deployer/deploy.ts'
import type { Engine } from '../../deployer/engine.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import type { DeployRequest } from '../../deployer/propose/deploy-request.ts'
import { isAllInPlace, type Proposal, propose } from '../../deployer/propose/propose.ts'
import { OutcomeDraft } from '../../deployer/transaction/outcome-draft.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import { printPlan } from '../../plan/printed-plan.ts'
import { configOf, finishFirst, withConfig } from '../context.ts'
import { exitStatusOf } from '../exit-status.ts'
import { showChanged } from '../half/show-changed.ts'
import { outcomeLines, stepLine } from '../print/outcome-lines.ts'
import { print, printJson } from '../print/print.ts'
import { printable } from '../print/terminal.ts'
import { readGiven } from '../read-given.ts'

interface DeployOptions {
  readonly config?: string
  readonly connector?: string
  readonly target?: string
  readonly name?: string
  readonly cert: string
  readonly key?: string
  readonly force?: true
  readonly chain?: string
  readonly dryRun?: true
  readonly json?: true
}

/** `waxseal deploy`: one deployment without a control plane. */
export function deployCommand(): Command {
  const command = withConfig(new Command('deploy'))
    .description('Deploy one certificate with the same engine, policy and journal as the agent.')
    .option('--connector <name>', 'postfix, dovecot, nginx, files and others: docs/connectors.md lists them')
    .option(
      '--target <target>',
      'target configuration, a file (JSON), or the name of a target of this host (docs/targets.md); without it the defaults of the connector',
    )
    .option('--name <name>', 'what history and rollback call this target; default: the name of the target file')
    .requiredOption('--cert <file>', 'certificate, leaf first; its chain may follow (PEM)')
    .option('--key <file>', 'private key (PEM); default: the file of --cert, which may hold both')
    .option('--chain <file>', 'chain, where it is in a file of its own (PEM)')
    .option('--force', 'deploy what the policy takes for a mistake: other names, no chain, another key type and so on')
    .option('--dry-run', 'print what would be done, and change nothing')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExit status: 0 deployed or unchanged, 2 usage, configuration or an invalid target (a new one is not made), 3 refused (host untouched),\n4 rolled back (host restored), 5 rollback failed (host unknown), 1 anything else.',
    )
  return command.action(async (options: DeployOptions) => {
    const config = await configOf(options)
    const engine = await openEngine(config, systemClock)
    const request = await requestOf(options, engine)
    finishFirst()
    if (options.dryRun === true) await dryRun(request, engine)
    else await run(request, { config, engine }, options.json === true)
  })
}

async function requestOf(options: DeployOptions, engine: Engine): Promise<DeployRequest> {
  const { cert, chain, key = cert } = options
  const keyPem = await readPem('--key', key)
  return {
    ...(await targetOf(options, engine)),
    certificatePem: await readPem('--cert', cert),
    ...(chain === undefined ? {} : { chainPem: await readPem('--chain', chain) }),
    files: { certificate: cert, 'private key': key, ...(chain === undefined ? {} : { chain }) },
    ...(options.force === true ? { force: true } : {}),
    findKey: async () => keyPem,
  }
}

type Target = Pick<DeployRequest, 'target' | 'targetName' | 'connector' | 'config'>

/** One of the host's own by its name, or a file; a path is always a file. */
async function targetOf(options: DeployOptions, { ownTargets }: Engine): Promise<Target> {
  const { target, connector, name } = options
  const own = ownTargets.targets.find((one) => one.name === target || one.targetName === target)
  if (own !== undefined) {
    const { targetName, fields } = own
    return { target: name ?? own.targetId ?? targetName, targetName, connector: own.connector, config: fields }
  }
  const spoilt = ownTargets.broken.find((one) => one.name === target)
  if (spoilt !== undefined)
    throw new WaxsealError('CONFIG_INVALID', { path: '--target', file: spoilt.file, reason: spoilt.reason })
  if (connector === undefined) {
    const known = ownTargets.targets.map((one) => one.name).join(', ')
    const hint = `Give --connector${known === '' ? '' : `, or a target of this host with --target: ${known}`}.`
    throw new WaxsealError('CONFIG_INVALID', { path: '--connector', reason: 'it is missing', hint })
  }
  const config = target === undefined ? {} : parseTarget(target, await readGiven(target, { path: '--target' }))
  return { target: nameOf({ ...options, connector }), connector, config }
}

/** What `waxseal history` and `waxseal rollback` call the target. */
function nameOf({
  name,
  target,
  connector,
}: Pick<DeployOptions, 'name' | 'target'> & { readonly connector: string }): string {
  const called = name ?? (target === undefined ? connector : basename(target, '.json'))
  if (called.length <= 128 && /^\S(.*\S)?$/.test(called) && printable(called) === called) return called
  throw new WaxsealError('USAGE_INVALID', {
    option: '--name',
    reason: 'the name of a target has 1 to 128 characters, none of them a control character, and no space around it',
  })
}

/** Byte by byte: it may be none, and is told by its first bytes. */
async function readPem(path: string, file: string): Promise<string> {
  return (await readGiven(file, { path })).toString('latin1')
}

function parseTarget(file: string, text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'))
  } catch (error) {
    const reason = `it is not JSON: ${(error as Error).message}`
    throw new WaxsealError('CONFIG_INVALID', { path: '--target', file, reason }, { cause: error })
  }
}

/** Always one JSON document: the plan without contents, and per file whether it would change. */
async function dryRun(request: DeployRequest, engine: Engine): Promise<void> {
  const draft = new OutcomeDraft(engine.clock, () => {})
  try {
    const proposal = await propose(request, engine, draft)
    const files = proposal.changes.files.map(dryRunFile)
    printJson({
      dryRun: true,
      unchanged: isAllInPlace(proposal),
      certificate: draft.certificate,
      plan: printPlan(proposal.plan),
      files,
    })
  } catch (error) {
    if (!(error instanceof WaxsealError)) throw error
    const outcome = draft.refuse(error)
    printJson(outcome)
    process.exitCode = exitStatusOf(outcome)
  }
}

function dryRunFile({ path, destination, live, after }: Proposal['changes']['files'][number]): object {
  const before = live === null ? null : { digest: live.digest, mode: live.mode, uid: live.uid, gid: live.gid }
  return { path, destination, before, after }
}

async function run(
  request: DeployRequest,
  { config, engine }: { readonly config: Config; readonly engine: Engine },
  json: boolean,
): Promise<void> {
  const outcome = await deploy(request, engine, (step) => {
    if (!json) print(stepLine(step))
  })
  await showChanged(config, engine, true)
  if (json) printJson(outcome)
  else print(...outcomeLines(outcome))
  process.exitCode = exitStatusOf(outcome)
}
