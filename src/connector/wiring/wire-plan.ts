import type { Material } from '../../material/material.ts'
import type { FileRole, Plan, PlannedFile, PlannedWiring, Probe } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { invalidField } from '../planner/field.ts'
import { serverNameFor } from '../planner/plan-probes.ts'
import type { VerifyTarget } from '../planner/target.ts'
import { answeredByOthers } from './answered-by-others.ts'
import { isUnwired, type Listener, type Unwired, type WiredFile, type Wiring } from './wiring.ts'

const tryMs = 10_000

/**
 * The plan with what the daemon's own settings say: probes from the listeners that read its files where the target names
 * no endpoint, the maps that hold a copy of them rebuilt, and the paths that nothing reads.
 */
export async function wirePlan(
  plan: Plan,
  wiring: Wiring | Unwired,
  target: VerifyTarget,
  material: Material,
  host: Pick<HostView, 'identity' | 'inode' | 'readFile'>,
): Promise<Plan> {
  if (isUnwired(wiring)) return unwired(plan, wiring)
  const paths = plan.files.filter(({ role }) => role !== 'other').map(({ path }) => path)
  const read = [
    ...new Set([...wiring.listeners.flatMap(({ files }) => files.map(({ path }) => path)), ...wiring.named]),
  ]
  const isSame = await compare(host, paths, [...read, ...wiring.maps.flatMap(({ files }) => files)])
  const shown = plan.files.filter(({ role }) => role === 'certificate' || role === 'bundle').map(({ path }) => path)
  // Who reads the key alone, for another certificate of its own, does not show the new one.
  const readers = wiring.listeners.filter(({ files }) => files.some(({ path }) => isSame.read(path, shown)))
  const isAsked = plan.probes.length === 0 && target.post_deploy_verify?.enabled !== false
  const probes = isAsked
    ? readers.flatMap((listener) => probesOf(listener, wiring, material, isSame.planned))
    : plan.probes
  const beside = [...new Set(readers.flatMap(({ files }) => othersIn(files, isSame.planned)))]
  const rebuild = rebuildOf(wiring, isSame.planned)
  const tables = tablesOf(wiring, isSame.planned)
  const missed = paths.filter((path) => !isSame.read(path, read))
  const doubted = isAsked ? readers.flatMap(({ doubt }) => (doubt === undefined ? [] : [doubt])) : []
  const pairs = plan.files.filter(({ role }) => role !== 'other' && role !== 'chain').map(({ path }) => path)
  const together = togetherIn(wiring, pairs, isSame)
  const others = await answeredByOthers({ readers, listeners: wiring.listeners, files: plan.files }, material, host)
  const named = plan.files.flatMap((file) => namedAs(file, wiring, isSame))
  const remarks = [...(plan.remarks ?? []), ...(await otherNamesOf(host, missed, read)), ...new Set(doubted), ...others]
  return {
    ...plan,
    activate: [...rebuild, ...plan.activate],
    recover: [...rebuild, ...plan.recover],
    probes,
    unverified: probes.length > 0 ? null : plan.unverified,
    wiring: {
      read,
      ...(named.length === 0 ? {} : { named }),
      unread: wiring.doubts.length === 0 ? missed : [],
      untold: wiring.doubts.length === 0 ? [] : missed,
      doubts: wiring.doubts,
      names: [...new Set(readers.flatMap(({ servername }) => (servername === null ? [] : [servername])))],
      ...(beside.length === 0 ? {} : { beside }),
      ...(together.length === 0 ? {} : { together }),
    },
    ...(tables.length === 0 ? {} : { tables }),
    ...(remarks.length === 0 ? {} : { remarks }),
  }
}

/** A file that the settings name in its role: a listener reads it so, or it is named for something else than a listener. */
function namedAs(
  { path, role }: PlannedFile,
  { listeners, named }: Wiring,
  { read }: Comparison,
): NonNullable<PlannedWiring['named']> {
  const asked = listeners.flatMap(({ files }) => files).filter((file) => read(path, [file.path]))
  const isRoleKnown = asked.some((file) => isRead(role, file.role))
  return isRoleKnown || (asked.length === 0 && read(path, named)) ? [{ path, isRoleKnown }] : []
}

/** A file that is planned in one role and read in another. */
function isRead(planned: FileRole, role: WiredFile['role']): boolean {
  if (planned === 'other') return false
  return planned === 'bundle' || role === 'bundle' || (planned === 'key') === (role === 'key')
}

/** The files of each listener that reads planned ones and others, or not all of the planned pair; each set once. */
function togetherIn(
  { listeners }: Wiring,
  pair: readonly string[],
  { planned, read }: Comparison,
): readonly (readonly string[])[] {
  const sets = listeners
    .map(({ files }) => [...new Set(files.map(({ path }) => path))])
    .filter((paths) => paths.some(planned))
    .filter((paths) => !paths.every(planned) || !pair.every((path) => read(path, paths)))
  return [...new Map(sets.map((paths) => [paths.join('\0'), paths])).values()]
}

/** The maps that are compiled anew, with the names in them that are none of the plan's. */
function tablesOf({ maps, listeners }: Wiring, isPlanned: Comparison['planned']): NonNullable<Plan['tables']> {
  return maps.flatMap(({ source, files, entries = [], command }) => {
    if (command === null || !files.some(isPlanned)) return []
    const others = entries.filter(({ paths }) => !paths.some(isPlanned))
    return [{ source, command, others: others.map((entry) => ({ ...entry, probe: probeOf(entry, listeners) })) }]
  })
}

function probeOf(
  { servername, paths }: { servername: string; paths: readonly string[] },
  listeners: Wiring['listeners'],
) {
  const reader = listeners.find(
    (listener) =>
      listener.servername === servername &&
      listener.doubt === undefined &&
      listener.files.every(({ path }) => paths.includes(path)),
  )
  if (reader === undefined) return null
  const { host, port, protocol, proxy } = reader
  const header = proxy === undefined ? {} : { proxy }
  const asked = servername.replace(/^\*\./, 'waxseal.')
  return { host, port, protocol, servername: asked, keyType: null, ...header, timeoutMs: tryMs }
}

/** A daemon that refuses its own configuration is no daemon that is not there: whoever deploys is told. */
function unwired(plan: Plan, { unwired: why, reason }: Unwired): Plan {
  if (why === 'not installed') return plan
  const because = why === 'denied' ? '' : ', for its configuration is broken'
  const remark = `Which files ${plan.service} reads is not known${because}: ${reason}`
  return { ...plan, remarks: [...(plan.remarks ?? []), remark] }
}

interface Comparison {
  /** Whether this path of the settings leads to a planned file. */
  readonly planned: (path: string) => boolean
  /** Whether one of these paths of the settings leads to this planned file. */
  readonly read: (path: string, settings: readonly string[]) => boolean
}

/** By where the paths lead, not by their text. */
async function compare(
  host: Pick<HostView, 'identity'>,
  paths: readonly string[],
  settings: readonly string[],
): Promise<Comparison> {
  const all = [...new Set([...paths, ...settings])]
  const identities = await Promise.all(all.map((path) => host.identity(path)))
  const leadsTo = new Map(all.map((path, index) => [path, identities[index]]))
  const planned = new Set(paths.map((path) => leadsTo.get(path)))
  return {
    planned: (path) => planned.has(leadsTo.get(path)),
    read: (path, read) => read.some((other) => leadsTo.get(other) === leadsTo.get(path)),
  }
}

/** A file that has two names loses one of them by a rename: who reads the other goes on with the old file. */
async function otherNamesOf(
  host: Pick<HostView, 'inode'>,
  missed: readonly string[],
  read: readonly string[],
): Promise<readonly string[]> {
  const [there, inodes] = await Promise.all(
    [missed, read].map((paths) => Promise.all(paths.map((path) => host.inode(path)))),
  )
  return missed.flatMap((path, index) => {
    const inode = there?.[index] ?? null
    const other = inode === null ? undefined : read[inodes?.indexOf(inode) ?? -1]
    if (other === undefined) return []
    return [`${other} is read, another name of the file ${path} (a hard link, or a bind mount): it stays the old file.`]
  })
}

/** The commands that compile anew the maps that hold a copy of these files; one that everyone could read is refused. */
function rebuildOf({ maps }: Wiring, isPlanned: Comparison['planned']): Plan['activate'] {
  return maps.flatMap(({ source, mode, files, command }) => {
    if (command === null || !files.some(isPlanned)) return []
    if (mode === null || (mode & 0o004) === 0) return [command]
    const reason = `everyone may read ${source}, and postmap gives its mode to the table that holds the key: chmod o-r ${source}`
    throw invalidField('key_path', reason)
  })
}

/** None where a listener reads the files for names alone that the certificate does not have, or proves nothing to this host. */
function probesOf(
  listener: Listener,
  wiring: Wiring,
  material: Material,
  isPlanned: Comparison['planned'],
): readonly Probe[] {
  const { host, port, protocol, files, proxy, unproven = false } = listener
  const servername = nameFor(listener, wiring, material)
  if (servername === undefined || unproven) return []
  const isShared = othersIn(files, isPlanned).length > 0
  const { keyType } = material.leaf
  const asked = isShared && keyType !== 'other' ? keyType : null
  const header = proxy === undefined ? {} : { proxy }
  return [{ host, port, protocol, servername, keyType: asked, ...header, timeoutMs: tryMs }]
}

/** What holds certificates and is not planned: all planned files are one pair, in however many files it is. */
function othersIn(files: Listener['files'], isPlanned: Comparison['planned']): readonly string[] {
  return files.flatMap(({ path, role }) => (role === 'key' || isPlanned(path) ? [] : [path]))
}

/** A listener that has names of its own is asked without one: that is who reads the default pair. */
function nameFor({ host, port, servername }: Listener, wiring: Wiring, material: Material): string | null | undefined {
  const beside = wiring.listeners.filter((other) => other.host === host && other.port === port)
  const taken = beside.flatMap((other) => (other.servername === null ? [] : [other.servername]))
  if (servername === null) return taken.length > 0 ? null : serverNameFor(material)
  if (!servername.startsWith('*.')) return servername
  return material.leaf.names
    .map((name) => name.toLowerCase().replace(/^\*\./, 'waxseal.'))
    .find((name) => name.slice(name.indexOf('.')) === servername.slice(1) && !taken.includes(name))
}
