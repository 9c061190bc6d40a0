import { once } from 'node:events'
import { Command, CommanderError } from 'commander'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { isCode } from '../host/file/files.ts'
import { version } from '../version.ts'
import { exitStatusOfError } from './exit-status.ts'
import { needsRoot } from './needs-root.ts'
import { keepOwnEnvironment } from './own-environment.ts'
import { printError, withDocs } from './print.ts'
import { printable } from './terminal.ts'

/** In the order of the help. Each is loaded when it is asked for: a deployment does not wait for what the agent serves. */
const commands = {
  agent: async () => (await import('./agent.ts')).agentCommand(),
  deployer: async () => (await import('./deployer.ts')).deployerCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  deploy: async () => (await import('./deploy.ts')).deployCommand(),
  recover: async () => (await import('./recover.ts')).recoverCommand(),
  rollback: async () => (await import('./rollback.ts')).rollbackCommand(),
  forget: async () => (await import('./forget.ts')).forgetCommand(),
  history: async () => (await import('./history.ts')).historyCommand(),
  verify: async () => (await import('./verify.ts')).verifyCommand(),
  keys: async () => (await import('./keys.ts')).keysCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  probe: async () => (await import('./probe.ts')).probeCommand(),
  enroll: async () => (await import('./enroll.ts')).enrollCommand(),
  'control-plane': async () => (await import('./control-plane.ts')).controlPlaneCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
}

type Name = keyof typeof commands
const everyName = Object.keys(commands) as readonly Name[]

/** Runs one command line and returns the exit status. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  keepOwnEnvironment()
  const named = everyName.filter((name) => name === argv[2])
  const names = named.length === 0 ? everyName : named
  const program = talking(await waxsealProgram(names))
  try {
    refuseUnknownOption(talking(await waxsealProgram(names)), argv.slice(2))
    await Promise.race([program.parseAsync(argv), nothingLeft()])
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const coded = needsRoot(error, argv) ?? codedOf(error)
    printError(coded)
    return exitStatusOfError(coded)
  }
}

/** With what its commands say, and where. */
function talking(program: Command): Command {
  for (const command of everyCommand(program)) {
    command.configureOutput({
      writeOut: (text) => process.stdout.write(withDocs(text)),
      outputError: (text) => process.stderr.write(`${printable(text.trimEnd())}\n`),
    })
    command.exitOverride().showHelpAfterError('(waxseal --help lists the commands; waxseal COMMAND --help its options)')
  }
  return program
}

/** A misspelt option that must be given is told as that, with the nearest one, and not as missing. The program is used up. */
function refuseUnknownOption(program: Command, args: readonly string[]): void {
  let [command, rest] = [program, args]
  for (let next = childOf(command, rest); next !== undefined; next = childOf(command, rest))
    [command, rest] = [next, rest.slice(1)]
  if (!command.options.some(({ mandatory }) => mandatory)) return
  const [unknown] = command.parseOptions([...rest]).unknown
  if (unknown === undefined || !unknown.startsWith('-') || ['-h', '--help'].includes(unknown))
    return // Its own words for an unknown option; not in its types.
  ;(command as unknown as { unknownOption(flag: string): void }).unknownOption(unknown)
}

function childOf(command: Command, [name]: readonly string[]): Command | undefined {
  return command.commands.find((child) => child.name() === name)
}

/** Rejects where nothing is left that could end the command: that is no success. */
async function nothingLeft(): Promise<never> {
  await once(process, 'beforeExit')
  throw new WaxsealError('INTERNAL', { reason: 'the command waits for something that cannot come' })
}

/** The command line with these commands; with all of them it is what help, man pages and shell completion are made from. */
export async function waxsealProgram(names: readonly Name[] = everyName): Promise<Command> {
  const program = new Command('waxseal')
    .description(
      'Deploys certificates on mail hosts, proves on the live socket that they are served, and undoes what fails.',
    )
    .version(version)
  for (const command of await Promise.all(names.map((name) => commands[name]()))) program.addCommand(command)
  return program
}

/** A file that this user may not touch is not an error in Waxseal itself. */
function codedOf(error: unknown): WaxsealError {
  if (!['EACCES', 'EPERM', 'EROFS'].some((code) => isCode(error, code))) return asWaxsealError(error)
  const hint = 'Run it as root, or as a user who may do this.'
  return new WaxsealError('CONFIG_INVALID', { reason: (error as Error).message, hint }, { cause: error })
}

/** A command and all commands below it. */
export function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}
