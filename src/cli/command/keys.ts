import { join } from 'node:path'
import { Command } from 'commander'
import { readTargetNames } from '../../deployer/find-target.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import { systemClock } from '../../host/clock.ts'
import { type KeptKey, listKeys } from '../../material/list-keys.ts'
import { configOf, withConfig } from '../context.ts'
import { print, printJson } from '../print/print.ts'
import { table } from '../print/table.ts'
import { coloured, type Line } from '../print/terminal.ts'

interface UsedKey extends KeptKey {
  /** The targets whose deployed certificate is for this key. */
  readonly targets: readonly string[]
  /** What people call these. */
  readonly names: readonly string[]
}

/** `waxseal keys`: the keys that this host made, by their digests. */
export function keysCommand(): Command {
  return withConfig(new Command('keys'))
    .description('List the keys that this host made: digest, age, and the targets that use them. Never the keys.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExit status: 0 all are well, 1 one is not, 2 usage or configuration.')
    .action(async (options: { readonly config?: string; readonly json?: true }) => {
      const config = await configOf(options)
      const kept = await listKeys(config.keyDir ?? join(config.stateDir, 'keys'))
      const engine = await openEngine(config, systemClock)
      const records = (await engine.records.list()).map(({ document }) => document)
      const { labelOf } = await readTargetNames(engine)
      const keys = kept.map((key) => {
        const users = records.filter(({ certificate }) => certificate.spkiSha256 === key.spkiSha256)
        const targets = users.map(({ target }) => target)
        return { ...key, targets, names: targets.map(labelOf) }
      })
      if (options.json === true) printJson({ keys })
      else print(...linesOf(keys))
      process.exitCode = keys.some(({ problem }) => problem !== null) ? 1 : 0
    })
}

function linesOf(keys: readonly UsedKey[]): readonly Line[] {
  if (keys.length === 0) return ['This host has made no key yet.']
  const rows = keys.map(({ spkiSha256, created, names }) => [
    spkiSha256,
    created.slice(0, 19),
    names.length === 0 ? '-' : names.join(', '),
  ])
  const problems = keys.flatMap(({ spkiSha256, problem }) =>
    problem === null ? [] : [coloured('bad', `${spkiSha256.slice(0, 16)}…: ${problem}`)],
  )
  return [...table(['SPKI SHA-256', 'CREATED (UTC)', 'TARGETS'], rows), ...problems]
}
