import type { Material } from '../material/material.ts'
import type { Plan, Probe } from '../plan/plan.ts'
import { invalidField } from './field.ts'
import { serverNameFor } from './plan-probes.ts'
import type { VerifyTarget } from './target.ts'
import { isUnwired, type Listener, listenersOf, type Unwired, type Wiring } from './wiring.ts'

const tryMs = 10_000

/**
 * The plan with what the daemon's own settings say: probes from the listeners that read its files where the target names
 * no endpoint, the maps that hold a copy of them rebuilt, and the paths that nothing reads.
 */
export function wirePlan(plan: Plan, wiring: Wiring | Unwired, target: VerifyTarget, material: Material): Plan {
  if (isUnwired(wiring)) return plan
  const paths = plan.files.filter(({ role }) => role !== 'other').map(({ path }) => path)
  const read = [
    ...new Set([...wiring.listeners.flatMap(({ files }) => files.map(({ path }) => path)), ...wiring.named]),
  ]
  const isAsked = plan.probes.length === 0 && target.post_deploy_verify?.enabled !== false
  const probes = isAsked
    ? listenersOf(wiring, paths).flatMap((listener) => probesOf(listener, wiring, material))
    : plan.probes
  const rebuild = rebuildOf(wiring, paths)
  return {
    ...plan,
    activate: [...rebuild, ...plan.activate],
    recover: [...rebuild, ...plan.recover],
    probes,
    unverified: probes.length > 0 ? null : plan.unverified,
    wiring: { read, unread: paths.filter((path) => !read.includes(path)) },
  }
}

/** The commands that compile anew the maps that hold a copy of these files; one that everyone could read is refused. */
function rebuildOf({ maps }: Wiring, paths: readonly string[]): Plan['activate'] {
  return maps.flatMap(({ source, mode, files, command }) => {
    if (command === null || !files.some((path) => paths.includes(path))) return []
    if (mode === null || (mode & 0o004) === 0) return [command]
    const reason = `everyone may read ${source}, and postmap gives its mode to the table that holds the key: chmod o-r ${source}`
    throw invalidField('key_path', reason)
  })
}

/** None where a listener reads the files for names alone that the certificate does not have. */
function probesOf(listener: Listener, wiring: Wiring, material: Material): readonly Probe[] {
  const { host, port, protocol, files } = listener
  const servername = nameFor(listener, wiring, material)
  if (servername === undefined) return []
  const pairs = files.filter(({ role }) => role === 'certificate' || role === 'bundle').length
  const { keyType } = material.leaf
  const asked = pairs > 1 && keyType !== 'other' ? keyType : null
  return [{ host, port, protocol, servername, keyType: asked, timeoutMs: tryMs }]
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
