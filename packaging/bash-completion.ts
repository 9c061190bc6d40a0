import type { Command } from 'commander'
import { everyCommand } from '../src/cli/program.ts'

/** Completion for bash (`complete -F`): commands, options, choices; files for everything else. */
export function bashCompletion(program: Command): string {
  const cases = everyCommand(program).map((command) => `    '${pathOf(command)}') words='${wordsOf(command)}' ;;`)
  const choices = everyCommand(program).flatMap(choicesOf)
  return `# bash completion for waxseal(1), made from its command line.
_waxseal() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} path='' word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${everyCommand(program)
      .filter((command) => command.parent !== null)
      .map(pathOf)
      .join(' ')} " in
      *" \${path:+$path/}$word "*) path=\${path:+$path/}$word ;;
    esac
  done
  case "$path $previous" in
${[...new Set(choices)].join('\n')}
  *) case $path in
${cases.join('\n')}
    esac ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _waxseal waxseal
`
}

/** \`waxseal control-plane serve\` → \`control-plane/serve\` */
function pathOf(command: Command): string {
  if (command.parent === null) return ''
  return command.parent.parent === null ? command.name() : `${pathOf(command.parent)}/${command.name()}`
}

function wordsOf(command: Command): string {
  const options = command.createHelp().visibleOptions(command)
  return [...command.commands.map((child) => child.name()), ...options.map((option) => option.long)].join(' ')
}

function choicesOf(command: Command): readonly string[] {
  return command.options
    .filter((option) => option.argChoices !== undefined)
    .map((option) => `  '${pathOf(command)} ${option.long}') words='${option.argChoices?.join(' ')}' ;;`)
}
