import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Material } from '../../material/material.ts'
import type { Connector } from '../connector.ts'
import type { HostView } from '../host-view.ts'
import { keyBeside } from '../wiring/key-beside.ts'
import { isRedacted, requireBounded } from './check-target.ts'
import { planFor } from './plan-for.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a target is completed with. */
export interface Completion {
  readonly connector: Connector
  /** As it came. */
  readonly config: unknown
  /** The fields of the host's own target file; none: there is no such file. */
  readonly own: Fields
  /** How a line of that file is to be written: `/etc/waxseal/targets/NAME.yaml with target_id: target-1`. */
  readonly ownFile: string
}

/** The fields that name where the private key goes. A server that blanks what sounds like a secret blanks them, too. */
const keyFields = ['key_path', 'key_file', 'key_filename']

/**
 * A target without blanked fields (`********`): what it lacks or has blanked comes from the host's own target file. Else a
 * blanked owner, group or mode is left out, a key path is what the daemon reads together with this target's certificate, and
 * any other field is TARGET_REDACTED.
 */
export async function completeTarget(
  { connector, config, own, ownFile }: Completion,
  material: Material,
  host: HostView,
): Promise<unknown> {
  requireBounded(config)
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config
  const blanked = Object.entries(config).flatMap(([field, value]) => (isRedacted(value) ? [field] : []))
  const given = Object.fromEntries(Object.entries(config as Fields).filter(([field]) => !blanked.includes(field)))
  const known = filled(given, own)
  const lacking = blanked.filter((field) => !(field in own) && !/_(owner|group|mode)$/.test(field))
  const key = lacking.find((field) => keyFields.includes(field))
  const other = lacking.find((field) => field !== key)
  if (other !== undefined) throw redacted(other, { hint: `Write it into ${ownFile}.` })
  if (key === undefined) return known
  return { ...known, [key]: await keyPathFor(key, { connector, config: known, own, ownFile }, material, host) }
}

/** Each field that is not there, also in groups of fields. */
function filled(given: Fields, own: Fields): Fields {
  const both = Object.entries(given).map(([field, value]) => {
    const inner = own[field]
    return [field, isGroup(value) && isGroup(inner) ? filled(withoutBlanked(value), inner) : value] as const
  })
  return { ...own, ...Object.fromEntries(both) }
}

function withoutBlanked(group: Fields): Fields {
  return Object.fromEntries(Object.entries(group).filter(([, value]) => !isRedacted(value)))
}

function isGroup(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** By the daemon's own settings: the key that it reads together with the certificate of this target. */
async function keyPathFor(
  field: string,
  { connector, config, ownFile }: Completion,
  material: Material,
  host: HostView,
): Promise<string> {
  // Where the certificate goes is what is asked. A default of the key's path may be nowhere: in a container, on no path of this host.
  const known = field === 'key_path' && isGroup(config) ? { ...config, key_path: config['cert_path'] } : config
  const plan = await planFor(connector, known, material, host, new AbortController().signal)
  const certificate = plan.files.find(({ role }) => role === 'certificate' || role === 'bundle')?.path ?? ''
  const wiring = field === 'key_path' ? await connector.readWiring?.(host, config) : undefined
  const found =
    wiring === undefined
      ? { reason: `${connector.name} has no settings that could be asked for it` }
      : await keyBeside(wiring, certificate, host)
  if ('path' in found) return found.path
  const beside =
    wiring === undefined ? '' : `, or have ${connector.name} read ${certificate}: its settings name the key`
  throw redacted(field, { certificate, reason: found.reason, hint: `Write ${field} into ${ownFile}${beside}.` })
}

function redacted(field: string, details: Readonly<Record<string, string>>): WaxsealError {
  return new WaxsealError('TARGET_REDACTED', { field, ...details })
}
