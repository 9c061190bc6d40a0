import type { HostView } from '../../connector/host-view.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { PlannedEntry, PlannedTable, Probe } from '../../plan/plan.ts'
import { probeOnce } from '../../verify/probe-once.ts'
import type { SharedLooks } from '../../verify/shared-looks.ts'
import { wholeLeaves } from './whole-leaves.ts'

/** A listener that goes on serving this leaf for this name: another pair of the table that holds the new one. */
export interface OtherName {
  readonly probe: Probe
  /** SHA-256 of the leaf. */
  readonly leaf: string
}

/** What there is in a table beside the planned files. */
export interface Others {
  readonly names: readonly OtherName[]
  /** Names that are broken already, a sentence each. */
  readonly warnings: readonly string[]
}

/** The tables of a transaction, each once. `paths`: all that it writes. */
export async function lookAtTables(
  tables: readonly PlannedTable[],
  paths: readonly string[],
  host: HostView,
  shared: SharedLooks,
): Promise<Others> {
  if (tables.length === 0) return { names: [], warnings: [] }
  const planned = await Promise.all(paths.map((path) => host.identity(path)))
  const unique = new Map(tables.map((table) => [table.command.join('\0'), table]))
  const looks = await Promise.all([...unique.values()].map((table) => lookAtTable(table, { planned, host, shared })))
  return { names: looks.flatMap(({ names }) => names), warnings: looks.flatMap(({ warnings }) => warnings) }
}

interface Around {
  /** Where the paths lead that the transaction writes. */
  readonly planned: readonly string[]
  readonly host: HostView
  readonly shared: SharedLooks
}

/**
 * Looks at all names of a table before it is compiled anew: postmap(1) takes the files of all of them as they are now, leaves out a
 * name whose file is missing, and exits 0. TABLE_BROKEN where a name that the table serves would be lost, or served with half a pair.
 */
async function lookAtTable(table: PlannedTable, { planned, host, shared }: Around): Promise<Others> {
  const { source, others } = table
  // Files of the same transaction are looked at by their own deployments.
  const leadsTo = await Promise.all(others.map(({ paths }) => Promise.all(paths.map((path) => host.identity(path)))))
  const entries = others.filter((_, index) => !leadsTo[index]?.some((identity) => planned.includes(identity)))
  if (entries.length === 0) return { names: [], warnings: [] }
  const compiled = await compiledNames(table, host)
  const warnings: string[] = []
  const whole = await Promise.all(
    entries.map(async (entry) => {
      const contents = await contentsOf(entry.paths, host)
      const leaves = contents === null ? null : wholeLeaves(contents)
      if (leaves !== null) return { entry, leaves }
      const { servername, paths } = entry
      const live = compiled?.get(servername) ?? null
      const reason = `${paths.join(', ')} ${contents === null ? 'is missing' : 'is no whole pair'}`
      const isKept = live !== null && contents !== null && live.equals(contents)
      if (compiled === null || (live !== null && !isKept && wholeLeaves(live) !== null))
        throw new WaxsealError('TABLE_BROKEN', { name: servername, table: source, reason })
      warnings.push(`The table ${source} has no pair for ${servername}: ${reason}.`)
      return null
    }),
  )
  const looks = whole.filter((one) => one !== null).map(({ entry, leaves }) => otherName(entry, leaves, shared))
  return { names: (await Promise.all(looks)).flat(), warnings }
}

/** What is seen before is to be seen behind it; a name that does not show what its files hold proves nothing. */
async function otherName(
  { probe }: PlannedEntry,
  leaves: readonly string[],
  shared: SharedLooks,
): Promise<readonly OtherName[]> {
  if (probe === null) return []
  const { leaf } = await shared.inTurn(probe, () => probeOnce(probe))
  return leaf !== null && leaves.includes(leaf.sha256) ? [{ probe, leaf: leaf.sha256 }] : []
}

/** As postmap joins them; null: one is missing. */
async function contentsOf(paths: readonly string[], host: HostView): Promise<Buffer | null> {
  const files = await Promise.all(paths.map((path) => host.readFile(path).catch(() => null)))
  const there = files.filter((file) => file !== null)
  return there.length === files.length ? Buffer.concat(there) : null
}

/** What the table holds now, by `postmap -s`: key and chain of each name, Base64. Null: it cannot be told. */
async function compiledNames({ command }: PlannedTable, host: HostView): Promise<ReadonlyMap<string, Buffer> | null> {
  const [program, ...args] = command
  const { exitCode, stdout, output } = await host.run([program, ...args.map((arg) => (arg === '-F' ? '-s' : arg))])
  if (exitCode !== 0) return /No such file/i.test(output) ? new Map() : null
  const lines = stdout.split('\n').map((line) => line.split('\t'))
  return new Map(
    lines.flatMap(([name = '', value]) =>
      value === undefined ? [] : [[name.toLowerCase().replace(/^\./, '*.'), Buffer.from(value, 'base64')] as const],
    ),
  )
}
