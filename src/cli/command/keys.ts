import { join } from 'node:path'
import { Command } from 'commander'
import { readTargetNames } from '../../deployer/find-target.ts'
import { openKeyrings } from '../../deployer/key/keyrings.ts'
import { type NamedKey, nameKey } from '../../deployer/key/name-keys.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import { systemClock } from '../../host/clock.ts'
import { type KeptKey, listKeys } from '../../material/list-keys.ts'
import { configOf, withConfig } from '../context.ts'
import { print, printJson } from '../print/print.ts'
import { table } from '../print/table.ts'
import { coloured, type Line } from '../print/terminal.ts'

interface UsedKey extends KeptKey, NamedKey {
  /** What people call the targets. */
  readonly names: readonly string[]
}

const uses = `
USE:
  current     deployed
  next        made ahead: the next rotation takes it
  asked for   a certificate with it is to come
  before      asked for earlier
  published   a TLSA record names it
  unused      nothing needs it: it is removed 30 days after it was made

Exit status: 0 all are well, 1 one is not, 2 usage or configuration.`

/** `waxseal keys`: the keys that this host made, by their digests, and which is which. */
export function keysCommand(): Command {
  return withConfig(new Command('keys'))
    .description('List the keys that this host made: digest, kind, what each is for, and who uses it. Never the keys.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', uses)
    .action(async (options: { readonly config?: string; readonly json?: true }) => {
      const config = await configOf(options)
      const kept = await listKeys(config.keyDir ?? join(config.stateDir, 'keys'))
      const engine = await openEngine(config, systemClock)
      const records = (await engine.records.list()).map(({ document }) => document)
      const keyrings = await openKeyrings(join(config.stateDir, 'keyrings'), true)
      const rings = (await keyrings.list()).map(({ document }) => document)
      const { labelOf } = await readTargetNames(engine)
      const keys = kept.map((key): UsedKey => {
        const named = nameKey(key.spkiSha256, records, rings)
        return { ...key, ...named, names: named.targets.map(labelOf) }
      })
      if (options.json === true) printJson({ keys })
      else print(...linesOf(keys))
      process.exitCode = keys.some(({ problem }) => problem !== null) ? 1 : 0
    })
}

function linesOf(keys: readonly UsedKey[]): readonly Line[] {
  if (keys.length === 0) return ['This host has made no key yet.']
  const rows = keys.map(({ spkiSha256, kind, use, created, certificates, names }) => [
    spkiSha256,
    kind ?? '-',
    use,
    created.slice(0, 19),
    certificates.length === 0 ? '-' : certificates.join(', '),
    names.length === 0 ? '-' : names.join(', '),
  ])
  const problems = keys.flatMap(({ spkiSha256, problem }) =>
    problem === null ? [] : [coloured('bad', `${spkiSha256.slice(0, 16)}…: ${problem}`)],
  )
  return [...table(['SPKI SHA-256', 'KIND', 'USE', 'CREATED (UTC)', 'CERTIFICATE', 'TARGETS'], rows), ...problems]
}
