import type { PolicyConfig } from '../config/config.ts'
import type { InstancePath } from '../config/instances.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { resolveOwnFolder } from '../host/policy-host.ts'
import type { Command } from '../plan/plan.ts'
import { instanceFields } from './name-instance.ts'

/** What the host allows a job to name. */
export interface Nameable {
  readonly roots: PolicyConfig['roots']
  readonly commands: PolicyConfig['commands']
  readonly probes: PolicyConfig['probes']
  /** The connector's own commands for the instance that is meant. */
  readonly standardCommands: readonly Command[]
  /** The folders of a daemon in a container: a job may name either side. */
  readonly paths: readonly InstancePath[]
}

/**
 * The first step of policy: what a job *names*, as text, before any setting of a daemon is read. Every path in it is absolute, in
 * normal form and below a root; every command is the connector's own or the policy's, word by word. PATH_NOT_ALLOWED and
 * COMMAND_NOT_ALLOWED name the field. The second step (`checkPolicy`) judges what the plan does.
 */
export async function checkNamed(byJob: Readonly<Record<string, unknown>>, allowed: Nameable): Promise<void> {
  const roots = await allRoots(allowed)
  for (const { field, text } of textsIn(byJob, '')) {
    if ((instanceFields as readonly string[]).includes(field)) continue
    if (field.endsWith('_command')) checkCommandLine(field, text, allowed)
    else if (text.startsWith('/')) checkPathText(field, text, roots, allowed.roots)
    else if (text.startsWith('unix:')) checkSocketText(field, text.slice('unix:'.length), roots, allowed)
  }
}

/** A root that is a link stands for what it leads to, too: the link is the host's own word. */
async function allRoots({ roots, paths }: Nameable): Promise<readonly string[]> {
  const real = await Promise.all(roots.map(resolveOwnFolder))
  return [...roots, ...real, ...paths.map(({ inside }) => inside)].map((root) => root.replace(/\/+$/, ''))
}

interface NamedText {
  /** `files.0.path` */
  readonly field: string
  readonly text: string
}

function textsIn(value: unknown, field: string): readonly NamedText[] {
  if (typeof value === 'string') return [{ field, text: value }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => textsIn(inner, field === '' ? name : `${field}.${name}`))
}

/** Where mail daemons keep theirs. Behind others may be what does as it is told, or tells more than a greeting. */
const socketFolders = [
  '/run/dovecot',
  '/var/run/dovecot',
  '/run/cyrus',
  '/var/run/cyrus',
  '/var/spool/postfix',
] as const

function checkSocketText(
  field: string,
  path: string,
  roots: readonly string[],
  { roots: named, probes }: Nameable,
): void {
  checkForm(field, path, named)
  const isBelow = [...roots, ...socketFolders].some((folder) => path.startsWith(`${folder}/`))
  if (isBelow || probes.includes(path)) return
  throw new WaxsealError('PROBE_NOT_ALLOWED', { socket: path, field, setting: 'policy.probes' })
}

function checkPathText(field: string, path: string, roots: readonly string[], named: readonly string[]): void {
  checkForm(field, path, named)
  const bare = path.replace(/\/$/, '')
  if (roots.some((root) => bare === root || bare.startsWith(`${root}/`))) return
  throw refused(field, path, 'it is below none of the roots', named)
}

/** One slash at the end is how people write a folder. */
function checkForm(field: string, path: string, named: readonly string[]): void {
  if (/\p{C}/u.test(path)) throw refused(field, path, 'it has a control character in it', named)
  if (!path.startsWith('/') || /\/\.{0,2}(\/|$)/.test(path.replace(/(.)\/$/, '$1')))
    throw refused(field, path, 'it is relative, or has "//", "." or ".." in it', named)
}

function refused(field: string, path: string, reason: string, roots: readonly string[]): WaxsealError {
  return new WaxsealError('PATH_NOT_ALLOWED', { path, field, reason, setting: 'policy.roots', roots })
}

function checkCommandLine(field: string, line: string, { commands, standardCommands }: Nameable): void {
  const words = line.trim().split(/\s+/).join(' ')
  const lines = commands.map((command) => command.trim().split(/\s+/).join(' '))
  const own = standardCommands.map((command) => command.join(' '))
  if (!words.startsWith('waxseal:') && !words.includes('<') && [...own, ...lines].includes(words)) return
  throw new WaxsealError('COMMAND_NOT_ALLOWED', { command: words, field, setting: 'policy.commands' })
}
