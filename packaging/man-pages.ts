import type { EventEmitter } from 'node:events'
import type { Argument, Command, Option } from 'commander'
import { everyCommand } from '../src/cli/program.ts'
import { installedDocs } from './shipped-docs.ts'

/** One page of the manual. */
export interface ManPage {
  /** `waxseal-deploy.1` */
  readonly file: string
  /** roff, by man-pages(7). */
  readonly text: string
}

/** A page per command, made from what `--help` shows. `date` is the day of the release: `2026-11-24`. */
export function manPages(program: Command, date: string): readonly ManPage[] {
  return everyCommand(program)
    .filter((command) => command.parent === null || command.parent.parent === null)
    .map((command) => {
      const name = nameOf(command).replaceAll(' ', '-')
      return { file: `${name}.1`, text: page(command, name, date) }
    })
}

function page(command: Command, name: string, date: string): string {
  const program = command.parent === null ? command.commands : runnableBelow(command)
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${date} "Waxseal ${versionOf(command)}" "User Commands"`,
    '.SH NAME',
    `${plain(name)} \\- ${plain(firstSentence(command))}`,
    '.SH SYNOPSIS',
    ...(program.length === 0 ? [command] : program).flatMap(synopsis),
    '.SH DESCRIPTION',
    plain(command.description()),
    ...(program.length === 0 ? details(command) : program.flatMap((child) => subsection(command, child))),
    ...(command.parent === null ? files : []),
    '.SH SEE ALSO',
    seeAlso(command),
  ]
  return `${lines.join('\n')}\n`
}

/** However deep: a command with commands below it, such as `operator`, does nothing itself. */
function runnableBelow(command: Command): readonly Command[] {
  return everyCommand(command).filter((below) => below !== command && below.commands.length === 0)
}

function synopsis(command: Command): readonly string[] {
  return ['.PP', `.B ${plain(nameOf(command))}`, plain(command.usage())]
}

/** On the program's own page a command is one line with its page; on a command's page, all that it takes. */
function subsection(parent: Command, child: Command): readonly string[] {
  if (parent.parent === null)
    return ['.TP', `.BR ${plain(nameOf(child).replaceAll(' ', '-'))} (1)`, plain(child.description())]
  return [`.SS "${plain(nameOf(child))}"`, plain(child.description()), ...entries(child), ...helpText(child)]
}

function details(command: Command): readonly string[] {
  const shown = entries(command)
  return [...(shown.length === 0 ? [] : ['.SH OPTIONS', ...shown]), ...helpText(command)]
}

function entries(command: Command): readonly string[] {
  const help = command.createHelp()
  return [
    ...help
      .visibleArguments(command)
      .flatMap((argument) => argumentEntry(argument, help.argumentDescription(argument))),
    ...help.visibleOptions(command).flatMap((option) => optionEntry(option, help.optionDescription(option))),
  ]
}

function argumentEntry(argument: Argument, description: string): readonly string[] {
  return ['.TP', `.I ${plain(argument.name())}`, plain(description)]
}

function optionEntry(option: Option, description: string): readonly string[] {
  return ['.TP', `.B ${plain(option.flags)}`, plain(description)]
}

/** What `addHelpText` appends, such as the meaning of the exit status. */
function helpText(command: Command): readonly string[] {
  const parts: string[] = []
  const emitter = command as unknown as EventEmitter
  emitter.emit('afterHelp', { error: false, command, write: (text: string) => parts.push(text) })
  const text = parts.join('').trim()
  return text === '' ? [] : ['.PP', plain(text.replaceAll('\n', ' '))]
}

function seeAlso(command: Command): string {
  const also = command.parent === null ? ['systemctl(1)', 'journalctl(1)'] : ['waxseal(1)']
  return [...also, '/usr/share/doc/waxseal'].map(plain).join(',\n')
}

const files = [
  '.SH FILES',
  ...[
    ['/etc/waxseal/waxseal.yaml', 'the configuration; every setting: docs/configuration.md'],
    ['/etc/waxseal/control-plane.yaml', 'that of the control plane; every setting: docs/server-configuration.md'],
    ['/etc/waxseal/credential', 'the credential for the control plane, readable by root alone'],
    ['/var/lib/waxseal', 'claimed jobs, journal, unsent results, keys, kept pairs'],
  ].flatMap(([path, what]) => ['.TP', `.I ${plain(path ?? '')}`, plain(what ?? '')]),
]

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`
}

function versionOf(command: Command): string {
  return command.parent === null ? (command.version() ?? '') : versionOf(command.parent)
}

function firstSentence(command: Command): string {
  const [sentence = ''] = command.description().split(/[.:;](\s|$)/)
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

/** Text in which roff sees nothing of its own. */
function plain(text: string): string {
  return text
    .replaceAll(/(?<![\w/])docs\/(?=[\w-]+\.(md|yaml))/g, installedDocs)
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', "'")
    .replaceAll(/^([.'])/gm, '\\&$1')
}
