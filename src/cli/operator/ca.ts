import { resolve } from 'node:path'
import { Command } from 'commander'
import type { CaState } from '../../server/next-ca.ts'
import { print, printJson } from '../print/print.ts'
import { table } from '../print/table.ts'

interface CaOptions {
  readonly caDir: string
  readonly json?: true
}

type Work = (folder: string, at: number) => Promise<readonly CaState[]>
type Calls = typeof import('../../server/next-ca.ts')

/** `waxseal control-plane ca`: the CA of servers that share one, as files. No server is asked. */
export function caCommand(): Command {
  const command = new Command('ca').description(
    'Show the CA in a folder, make the next one, or drop those that have ended: for servers that run with --ca-dir.',
  )
  command.addCommand(caWork('show', 'Show the CAs in the folder, and when each signs.', ({ showCas }) => showCas))
  command.addCommand(
    caWork(
      'next',
      'Add the next CA to ca.pem and ca.key of the folder. Then give both files to every server, and start each anew.',
      ({ makeNextCa }) => makeNextCa,
      (cas) => cas.filter(({ state }) => state === 'next').map(toDo),
    ),
  )
  command.addCommand(
    caWork('retire', 'Drop the CAs that have ended from ca.pem and ca.key.', ({ retireCas }) => retireCas),
  )
  return command
}

function caWork(
  name: string,
  description: string,
  workOf: (calls: Calls) => Work,
  linesAfter: (cas: readonly CaState[]) => readonly string[] = () => [],
): Command {
  return new Command(name)
    .description(description)
    .requiredOption('--ca-dir <dir>', 'the folder with ca.pem and ca.key, as serve --ca-dir has it')
    .option('--json', 'print one JSON document')
    .action(async ({ caDir, json }: CaOptions) => {
      const cas = await workOf(await import('../../server/next-ca.ts'))(resolve(caDir), Date.now())
      if (json === true) return printJson(cas)
      print(...lines(cas), ...linesAfter(cas))
    })
}

function lines(cas: readonly CaState[]): readonly string[] {
  return table(
    ['CA', 'STATE', 'SIGNS FROM (UTC)', 'ENDS (UTC)', 'SHA-256'],
    cas.map(({ id, state, signs_from, not_after, sha256 }) => [
      id,
      state,
      signs_from?.slice(0, 19) ?? '-',
      not_after.slice(0, 19),
      sha256,
    ]),
  )
}

function toDo({ signs_from }: CaState): string {
  return `\nGive ca.pem and ca.key to every server, and start each anew, long before ${signs_from?.slice(0, 10)}: agents learn of it from a server that has it.`
}
