import { once } from 'node:events'
import { Command, CommanderError } from 'commander'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { isCode } from '../host/file/files.ts'
import { version } from '../version.ts'
import { exitStatusOfError } from './exit-status.ts'
import { needsRoot } from './needs-root.ts'
import { keepOwnEnvironment } from './own-environment.ts'
import { printError, withDocs } from './print/print.ts'
import { printable } from './print/terminal.ts'

/** The commands of a program, by name. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>

/** Runs one command line and returns the exit status. */
export async function runProgram(argv: readonly string[], commands: Commands): Promise<number> {
  keepOwnEnvironment()
  const named = Object.entries(commands).filter(([name]) => name === argv[2])
  const meant = named.length === 0 ? commands : Object.fromEntries(named)
  const program = talking(await waxsealProgram(meant))
  try {
    refuseUnknownOption(talking(await waxsealProgram(meant)), argv.slice(2))
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
export async function waxsealProgram(commands: Commands): Promise<Command> {
  const program = new Command('waxseal')
    .description(
      'Deploys certificates on mail hosts, proves on the live socket that they are served, and undoes what fails.',
    )
    .version(version)
  for (const command of await Promise.all(Object.values(commands).map((make) => make()))) program.addCommand(command)
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
