import { basename, dirname, join } from 'node:path'
import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { linksOnTheWay } from '../host/file/link/links-on-the-way.ts'
import {
  addressesOf,
  isAddressAllowed,
  resolveDestination,
  resolveFolder,
  resolveOwnFolder,
} from '../host/policy-host.ts'
import { reasonAgainst } from '../host/process/find-program.ts'
import type { Material } from '../material/material.ts'
import type { Command, Plan, PlannedFile, PlannedTable, Probe } from '../plan/plan.ts'

/** A planned file and the place that it goes to, symlinks resolved. */
export interface DestinedFile {
  readonly file: PlannedFile
  readonly destination: string
}

/** Where all files go. */
export interface Destinations {
  readonly files: readonly DestinedFile[]
  /** The symlink of the generations, its folder resolved; null: each file is replaced where it is. */
  readonly link: string | null
  /** One per address: a name that has several is asked at each. */
  readonly probes: readonly Probe[]
}

/**
 * Holds a plan against what this host allows (law 3), before anything is touched. Returns where each file goes;
 * NAME_, PATH_, COMMAND_ or PROBE_NOT_ALLOWED names what is not allowed and the setting that would allow it.
 */
export async function checkPolicy(
  plan: Plan,
  material: Material,
  policy: Pick<PolicyConfig, 'roots' | 'commands' | 'names' | 'probes'>,
  standardCommands: readonly Command[],
): Promise<Destinations> {
  for (const name of material.leaf.names) checkName(name, policy.names)
  for (const command of commandsOf(plan)) await checkCommand(command, plan, policy, standardCommands)
  const probes = (await Promise.all(plan.probes.map((probe) => checkProbe(probe, policy)))).flat()
  if (plan.generation !== null) return { probes, ...(await checkGeneration(plan.generation, plan.files, policy.roots)) }
  const files = plan.files.map(async (file) => ({ file, destination: await checkPath(file.path, policy.roots) }))
  return { probes, files: refuseShared(await Promise.all(files), policy.roots), link: null }
}

/** Two paths may lead to one file, by a link or a second slash: the later would overwrite the earlier. */
function refuseShared(files: readonly DestinedFile[], roots: readonly string[]): readonly DestinedFile[] {
  for (const [index, { file, destination }] of files.entries()) {
    if (!files.slice(0, index).some((earlier) => earlier.destination === destination)) continue
    const reason = `it leads to ${destination}, where another file of this target goes`
    throw pathRefused(file.path, reason, roots)
  }
  return files
}

/** The folder is what counts: the link in it may lead nowhere yet, and what it leads to is only read. */
async function checkGeneration(
  { directory, link }: NonNullable<Plan['generation']>,
  files: readonly PlannedFile[],
  roots: readonly string[],
): Promise<Omit<Destinations, 'probes'>> {
  const inside = await checkPath(`${directory}/.waxseal`, roots)
  const folder = await resolveFolder(directory)
  if (inside !== `${folder}/.waxseal`) throw pathRefused(directory, 'there is a link called .waxseal in it', roots)
  const generations = `${folder}/generations`
  if ((await resolveFolder(generations)) !== generations)
    throw pathRefused(directory, 'generations in it is a link to another folder', roots)
  for (const { path } of files) {
    const name = path.slice(link.length + 1)
    if (path === `${link}/${name}` && /^(?!\.{1,2}$)[^/]+$/.test(name)) continue
    throw pathRefused(path, `it is not a name in ${link}`, roots)
  }
  const resolved = `${folder}/${link.slice(link.lastIndexOf('/') + 1)}`
  return { files: files.map((file) => ({ file, destination: file.path })), link: resolved }
}

function pathRefused(path: string, reason: string, roots: readonly string[]): WaxsealError {
  return new WaxsealError('PATH_NOT_ALLOWED', { path, reason, setting: 'policy.roots', roots })
}

/** Whether a resolved path is below one of the roots, symlinks in these resolved. */
export async function isBelowRoots(path: string, roots: readonly string[]): Promise<boolean> {
  const realRoots = await Promise.all(roots.map(resolveOwnFolder))
  return realRoots.some((root) => path.startsWith(root.endsWith('/') ? root : `${root}/`))
}

/** Whether policy allows a name in a certificate; `allowed`: null: every name. Throws NAME_NOT_ALLOWED. */
export function checkName(name: string, allowed: readonly string[] | null): void {
  if (allowed === null || allowed.some((pattern) => matchesName(name.toLowerCase(), pattern.toLowerCase()))) return
  throw new WaxsealError('NAME_NOT_ALLOWED', { name, setting: 'policy.names' })
}

/** `*.example.net` stands for one label, and for itself. */
function matchesName(name: string, pattern: string): boolean {
  if (name === pattern) return true
  const parent = name.slice(name.indexOf('.'))
  return pattern.startsWith('*.') && name.includes('.') && parent === pattern.slice(1)
}

/** Each once: what recovers is mostly what activates. */
function commandsOf({ check, activate, recover }: Plan): readonly Command[] {
  const all = [...(check === null ? [] : [check]), ...activate, ...recover]
  return [...new Map(all.map((command) => [command.join('\0'), command])).values()]
}

/** What placeholders of a connector's own commands may stand for. */
interface Placeable {
  readonly files: readonly Pick<PlannedFile, 'path'>[]
  readonly tables?: readonly Pick<PlannedTable, 'command'>[]
}

type CommandPolicy = Pick<PolicyConfig, 'roots' | 'commands'>

async function checkCommand(
  command: Command,
  plan: Placeable,
  policy: CommandPolicy,
  standard: readonly Command[],
): Promise<void> {
  const lines = policy.commands.map((line) => line.trim().split(/\s+/)).filter(([program]) => !isBuiltIn(program))
  const refused = { command: command.join(' '), setting: 'policy.commands' }
  for (const argv of [...standard, ...lines]) {
    if (!(await matchesCommand(command, argv, plan, policy))) continue
    const reason = await reasonAgainst(command[0])
    if (reason === null) return
    throw new WaxsealError('COMMAND_NOT_ALLOWED', { ...refused, reason })
  }
  throw new WaxsealError('COMMAND_NOT_ALLOWED', refused)
}

/** Whether a command that the journal brings may be run today; the tables that it compiles were those of the daemon's settings then. */
export async function isCommandAllowed(
  command: Command,
  files: Placeable['files'],
  policy: CommandPolicy,
  standard: readonly Command[],
): Promise<boolean> {
  return checkCommand(command, { files, tables: [{ command }] }, policy, standard).then(
    () => true,
    () => false,
  )
}

/** Commands of our own are allowed by the connector that they belong to, with what its placeholders allow. */
function isBuiltIn(program: string | undefined): boolean {
  return program?.startsWith('waxseal:') === true
}

async function matchesCommand(
  command: Command,
  argv: readonly string[],
  plan: Placeable,
  policy: Pick<PolicyConfig, 'roots'>,
): Promise<boolean> {
  if (argv.length !== command.length) return false
  const isTable = (plan.tables ?? []).some((table) => table.command.join('\0') === command.join('\0'))
  for (const [index, pattern] of argv.entries()) {
    const word = command[index] ?? ''
    const fits =
      pattern === '<map>'
        ? isTable && (await isTableAllowed(word, command, policy.roots))
        : matchesWord(word, pattern, plan)
    if (!fits) return false
  }
  return true
}

/** Word by word. A connector's own command may have a placeholder; no line of the policy needs one. */
function matchesWord(word: string, pattern: string, plan: Placeable): boolean {
  return pattern === '<file>' ? plan.files.some(({ path }) => path === word) : word === pattern
}

/**
 * `hash:/etc/postfix/sni`, one that the daemon's own settings name: what postmap(1) compiles is written beside its source, with what
 * the files that it names hold, and with lines of it in its warnings.
 */
async function isTableAllowed(word: string, [program]: Command, roots: readonly string[]): Promise<boolean> {
  const path = /^[a-z]+:(\/[^:]+)$/.exec(word)?.[1]
  if (path === undefined) return false
  // Run by another program, it is compiled in a container, where its path is another's.
  if (program !== 'postmap') return true
  return checkPath(path, roots).then(
    () => true,
    () => false,
  )
}

/** Whether a probe that the journal brings may be connected to today: one that is gone by name or address is not. */
export async function isProbeAllowed(probe: Probe, policy: Pick<PolicyConfig, 'roots' | 'probes'>): Promise<boolean> {
  const named = policy.probes.some((name) => name.toLowerCase() === probe.name?.toLowerCase())
  if (named) return true
  return checkProbe(probe, policy).then(
    () => true,
    () => false,
  )
}

/** The addresses that are looked at are those that were allowed: a name is not resolved again later. */
async function checkProbe(probe: Probe, policy: Pick<PolicyConfig, 'roots' | 'probes'>): Promise<readonly Probe[]> {
  const { host } = probe
  const isNamed = policy.probes.some((name) => name.toLowerCase() === host.toLowerCase())
  if (host.startsWith('/')) {
    if (isNamed || (await isSocketAllowed(host, policy.roots))) return [probe]
    throw new WaxsealError('PROBE_NOT_ALLOWED', { socket: host, setting: 'policy.probes' })
  }
  const addresses = [...new Set(await addressesOf(host))].toSorted()
  const isAllowed = addresses.every((address) => isAddressAllowed(address, policy.probes))
  if (!isNamed && (addresses.length === 0 || !isAllowed))
    throw new WaxsealError('PROBE_NOT_ALLOWED', { host, addresses, setting: 'policy.probes' })
  if (addresses.length === 0 || addresses.includes(host)) return [probe]
  return addresses.map((address) => ({ ...probe, host: address, name: host }))
}

/** Where daemons keep their sockets. */
const socketRoots = ['/run', '/var/run', '/var/spool/postfix']

async function isSocketAllowed(path: string, roots: readonly string[]): Promise<boolean> {
  if (!path.startsWith('/') || path.split('/').includes('..')) return false
  // Of a daemon that is stopped there is no socket: its folder says where it would be.
  const folder = await resolveFolder(dirname(path))
  return isBelowRoots(await resolveFolder(join(folder, basename(path))), [...socketRoots, ...roots])
}

async function checkPath(path: string, roots: readonly string[]): Promise<string> {
  const refuse = (reason: string): WaxsealError => pathRefused(path, reason, roots)
  if (path.split('/').includes('..')) throw refuse('it has a ".." in it')
  const resolved = await resolveDestination(path).catch((error: Error) => {
    throw refuse(error.message)
  })
  if (resolved.kind === 'folder') throw refuse('it is a folder')
  if (resolved.kind === 'missing') throw refuse('its folder does not exist, or it is a link to nothing')
  if (resolved.kind !== 'file' && resolved.kind !== 'free') throw refuse('it is not a regular file')
  if (await isBelowRoots(resolved.path, roots)) return resolved.path
  const { code, details } = refuse(`it leads to ${resolved.path}, which is below none of the roots`)
  throw new WaxsealError(code, { ...details, ...(await wayAround(path, resolved.path)) })
}

/** Debian's Dovecot has links to a pair that others read, too: what is to be its own has to be a file of its own. */
async function wayAround(path: string, leadsTo: string): Promise<{ readonly way?: string }> {
  const isLink = (await linksOnTheWay(path)).includes(path)
  return isLink ? { way: `Put a copy in the place of the link: cp -p --remove-destination ${leadsTo} ${path}` } : {}
}
