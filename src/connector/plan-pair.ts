import type { Material } from '../material/material.ts'
import type { Command, FileRole, Plan, PlannedFile } from '../plan/plan.ts'
import { commandField, invalidField, modeField } from './field.ts'
import type { FileTarget } from './file-target.ts'
import { planProbes, planRetry } from './plan-probes.ts'

/** What a daemon does when a target does not say. */
export interface DaemonDefaults {
  readonly service: string
  readonly certPath: string
  readonly keyPath: string
  readonly check: Command
  readonly reload: Command
}

/** The plan of a daemon that reads a certificate file and a key file, or one file that holds both. */
export function planPair(connector: string, target: FileTarget, material: Material, defaults: DaemonDefaults): Plan {
  const reload =
    target.reload_command === undefined ? defaults.reload : commandField('reload_command', target.reload_command)
  const check =
    target.validate_command === undefined ? defaults.check : commandField('validate_command', target.validate_command)
  return {
    connector,
    service: defaults.service,
    files: planFiles(target, material, defaults),
    check,
    activate: [reload],
    recover: [reload],
    ...planProbes(target, material),
    retry: planRetry(target),
    generation: planGeneration(target),
    wiring: null,
    backupRetention: target.backup_retention ?? 3,
  }
}

interface Paths {
  readonly certPath: string
  readonly keyPath: string
}

/** With a generation, the paths lead through its link. */
function pathsOf(target: FileTarget, defaults: DaemonDefaults): Paths {
  const generation = planGeneration(target)
  if (generation === null)
    return { certPath: target.cert_path ?? defaults.certPath, keyPath: target.key_path ?? defaults.keyPath }
  const paths = {
    certPath: target.cert_path ?? `${generation.link}/cert.pem`,
    keyPath: target.key_path ?? `${generation.link}/key.pem`,
  }
  const all = { cert_path: paths.certPath, key_path: paths.keyPath, chain_path: target.chain_path || paths.certPath }
  for (const [field, path] of Object.entries(all)) {
    const name = path.slice(generation.link.length + 1)
    if (path !== `${generation.link}/${name}` || !/^(?!\.{1,2}$)[^/]+$/.test(name))
      throw invalidField(field, `with layout "generation" it is a name in ${generation.link}`)
  }
  return paths
}

function planGeneration({ layout, directory }: FileTarget): Plan['generation'] {
  if (layout !== 'generation') return null
  if (directory === undefined)
    throw invalidField('directory', 'layout "generation" needs the directory that it lives in')
  const base = directory.replace(/\/+$/, '')
  return { directory: base, link: `${base}/current` }
}

function planFiles(target: FileTarget, material: Material, defaults: DaemonDefaults): readonly PlannedFile[] {
  const { certPath, keyPath } = pathsOf(target, defaults)
  const chainPath = target.chain_path === '' ? undefined : target.chain_path
  const leaf = material.leaf.pem
  const chain = material.chain.map((certificate) => certificate.pem).join('')
  if (chainPath !== undefined && (chainPath === certPath || chainPath === keyPath)) {
    throw invalidField('chain_path', 'it is the path of another file of this target')
  }
  const certificate = chainPath === undefined ? leaf + chain : leaf
  const key = keyOf(target)
  if (certPath === keyPath)
    return [plannedFile(keyPath, 'bundle', material.keyPem + certificate, key), ...chainFile(target, chainPath, chain)]
  return [
    ...chainFile(target, chainPath, chain),
    plannedFile(certPath, 'certificate', certificate, {
      mode: target.cert_file_mode === undefined ? 'keep' : modeField('cert_file_mode', target.cert_file_mode, false),
      owner: target.cert_file_owner ?? 'keep',
      group: target.cert_file_group ?? 'keep',
    }),
    plannedFile(keyPath, 'key', material.keyPem, key),
  ]
}

type Access = Pick<PlannedFile, 'mode' | 'owner' | 'group'>

function keyOf(target: FileTarget): Access {
  return {
    mode: target.key_file_mode === undefined ? 'keep' : modeField('key_file_mode', target.key_file_mode, true),
    owner: target.key_file_owner ?? 'keep',
    group: target.key_file_group ?? 'keep',
  }
}

function chainFile(target: FileTarget, path: string | undefined, chain: string): readonly PlannedFile[] {
  if (path === undefined) return []
  const mode =
    target.chain_file_mode === undefined ? 'keep' : modeField('chain_file_mode', target.chain_file_mode, false)
  const access = { mode, owner: target.chain_file_owner ?? 'keep', group: target.chain_file_group ?? 'keep' } as const
  return [plannedFile(path, 'chain', chain, access)]
}

function plannedFile(path: string, role: FileRole, text: string, access: Access): PlannedFile {
  return { path, role, contents: new TextEncoder().encode(text), ...access }
}
