import { keyKinds } from '../plan/key-kind.ts'
import { resolveAcmePolicy, type WrittenAcme } from './acme-policy.ts'
import type { KeptFolder, PolicyConfig } from './config.ts'
import { resolveLookPolicy, type WrittenLook } from './look-policy.ts'
import type { WrittenOrders } from './order-policy.ts'
import { configInvalid } from './parse-yaml.ts'

/** `policy` as people write it, by its schema. */
export interface WrittenPolicy {
  readonly roots?: readonly string[]
  readonly folders?: Readonly<Record<string, string | number>>
  readonly commands?: readonly string[]
  readonly names?: readonly string[]
  readonly probes?: readonly string[]
  readonly unread_paths?: PolicyConfig['unreadPaths']
  readonly password_dir?: string
  readonly uncovered_names?: PolicyConfig['uncoveredNames']
  readonly unrelated_names?: PolicyConfig['unrelatedNames']
  readonly missing_chain?: PolicyConfig['missingChain']
  readonly key_type?: PolicyConfig['keyType']
  readonly new_keys?: PolicyConfig['newKeys']
  readonly worse?: PolicyConfig['worse']
  readonly unfit?: PolicyConfig['unfit']
  readonly dane?: PolicyConfig['dane']
  readonly look?: WrittenLook
  readonly targets?: PolicyConfig['targets']
  readonly orders?: WrittenOrders
  readonly acme?: WrittenAcme
  readonly owners?: readonly string[]
  readonly resolvers?: readonly string[]
}

const metacharacters = /[;&|<>$`\\"'(){}*?~#]/

/** Every default filled in. `orders` has been read. CONFIG_INVALID: a command needs a shell, or a range is none. */
export function resolvePolicy(written: WrittenPolicy, orders: PolicyConfig['orders'], file: string): PolicyConfig {
  return {
    roots: written.roots ?? ['/etc/postfix', '/etc/dovecot'],
    folders: Object.entries(written.folders ?? {}).map(keptFolder),
    commands: commandsAt(file, written.commands ?? []),
    names: written.names ?? null,
    probes: probesAt(file, written.probes ?? []),
    passwordDir: written.password_dir ?? '/etc/waxseal/passwords',
    unreadPaths: written.unread_paths ?? 'warn',
    uncoveredNames: written.uncovered_names ?? 'warn',
    unrelatedNames: written.unrelated_names ?? 'refuse',
    missingChain: written.missing_chain ?? 'refuse',
    keyType: written.key_type ?? 'refuse',
    newKeys: written.new_keys ?? keyKinds,
    worse: written.worse ?? 'refuse',
    unfit: written.unfit ?? 'refuse',
    dane: written.dane ?? 'warn',
    look: resolveLookPolicy(written.look, file),
    targets: written.targets ?? 'open',
    orders,
    acme: resolveAcmePolicy(written.acme, file),
    owners: written.owners ?? ['ssl-cert'],
    resolvers: written.resolvers ?? [],
  }
}

function commandsAt(file: string, written: readonly string[]): readonly string[] {
  const place = written.findIndex((line) => metacharacters.test(line))
  if (place === -1) return written
  throw configInvalid(
    file,
    `policy.commands[${place}]`,
    'it has a shell metacharacter',
    'No shell runs commands: write program and arguments, or call a script.',
  )
}

function probesAt(file: string, written: readonly string[]): readonly string[] {
  const place = written.findIndex((range) => range.includes('/') && !isRange(range))
  if (place === -1) return written
  throw configInvalid(file, `policy.probes[${place}]`, 'it is not an address range', 'For example: 192.0.2.0/24.')
}

/** ADDRESS/BITS. A range whose bits are left out or too many must not come to mean every address. */
function isRange(range: string): boolean {
  const [, v4, bits] = /^(?:(\d{1,3}(?:\.\d{1,3}){3})|[0-9a-f:.]*:[0-9a-f:.]*)\/(\d{1,3})$/i.exec(range) ?? []
  return bits !== undefined && Number(bits) <= (v4 === undefined ? 128 : 32)
}

/** `OWNER` or `OWNER:GROUP`, as chown(1) has it. */
function keptFolder([path, written]: readonly [string, string | number]): KeptFolder {
  const [owner = '', group = null] = String(written).split(':')
  return { path, owner, group }
}
