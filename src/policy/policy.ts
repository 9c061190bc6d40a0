import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { addressesOf, isAddressAllowed, resolveDestination, resolveFolder } from '../host/policy-host.ts'
import type { Material } from '../material/material.ts'
import type { Command, Plan, PlannedFile } from '../plan/plan.ts'

/** A planned file and the place that it goes to, symlinks resolved. */
export interface DestinedFile {
  readonly file: PlannedFile
  readonly destination: string
}

/**
 * Holds a plan against what this host allows (law 3), before anything is touched. Returns where each file goes;
 * NAME_, PATH_, COMMAND_ or PROBE_NOT_ALLOWED names what is not allowed and the setting that would allow it.
 */
export async function checkPolicy(
  plan: Plan,
  material: Material,
  policy: PolicyConfig,
  standardCommands: readonly Command[],
): Promise<readonly DestinedFile[]> {
  for (const name of material.leaf.names) checkName(name, policy.names)
  for (const command of commandsOf(plan)) checkCommand(command, policy.commands, standardCommands)
  for (const { host } of plan.probes) await checkProbe(host, policy.probes)
  return Promise.all(plan.files.map(async (file) => ({ file, destination: await checkPath(file.path, policy.roots) })))
}

function checkName(name: string, allowed: readonly string[] | null): void {
  if (allowed === null || allowed.some((pattern) => matchesName(name.toLowerCase(), pattern.toLowerCase()))) return
  throw new WaxsealError('NAME_NOT_ALLOWED', { name, setting: 'policy.names' })
}

/** `*.example.net` stands for one label, and for itself. */
function matchesName(name: string, pattern: string): boolean {
  if (name === pattern) return true
  const parent = name.slice(name.indexOf('.'))
  return pattern.startsWith('*.') && name.includes('.') && parent === pattern.slice(1)
}

function commandsOf(plan: Plan): readonly Command[] {
  return [...(plan.check === null ? [] : [plan.check]), ...plan.activate, ...plan.recover]
}

function checkCommand(command: Command, lines: readonly string[], standard: readonly Command[]): void {
  const allowed = [...standard, ...lines.map((line) => line.trim().split(/\s+/))]
  if (allowed.some((argv) => argv.length === command.length && argv.every((arg, index) => arg === command[index])))
    return
  throw new WaxsealError('COMMAND_NOT_ALLOWED', { command: command.join(' '), setting: 'policy.commands' })
}

async function checkProbe(host: string, allowed: readonly string[]): Promise<void> {
  if (allowed.some((name) => name.toLowerCase() === host.toLowerCase())) return
  const addresses = await addressesOf(host)
  if (addresses.length > 0 && addresses.every((address) => isAddressAllowed(address, allowed))) return
  throw new WaxsealError('PROBE_NOT_ALLOWED', { host, addresses, setting: 'policy.probes' })
}

async function checkPath(path: string, roots: readonly string[]): Promise<string> {
  const refuse = (reason: string): WaxsealError =>
    new WaxsealError('PATH_NOT_ALLOWED', { path, reason, setting: 'policy.roots', roots })
  if (path.split('/').includes('..')) throw refuse('it has a ".." in it')
  const resolved = await resolveDestination(path).catch((error: Error) => {
    throw refuse(error.message)
  })
  if (resolved.kind === 'folder') throw refuse('it is a folder')
  if (resolved.kind === 'missing') throw refuse('its folder does not exist, or it is a link to nothing')
  if (resolved.kind !== 'file' && resolved.kind !== 'free') throw refuse('it is not a regular file')
  const realRoots = await Promise.all(roots.map(resolveFolder))
  if (realRoots.some((root) => resolved.path.startsWith(root.endsWith('/') ? root : `${root}/`))) return resolved.path
  throw refuse(`it leads to ${resolved.path}, which is below none of the roots`)
}
