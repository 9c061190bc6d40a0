import type { Material } from '../../material/material.ts'
import type { Command, Plan, PlannedFile } from '../../plan/plan.ts'
import { invalidField } from './field.ts'
import { accessOf, chainPem, plannedFile, planService } from './plan-service.ts'
import type { PairTarget } from './target.ts'

/** What a daemon does when a target does not say. */
export interface DaemonDefaults {
  readonly service: string
  readonly certPath: string
  readonly keyPath: string
  readonly check: Command
  /** False: no certificate can make the daemon's own check fail. */
  readonly checkReadsCertificates?: false
  readonly reload: Command
  /** 1: once this reload has returned, the daemon shows the old leaf no more. */
  readonly agreeingLooks?: 1
  /** What a new key file needs so that the daemon can read it; left out: 0600, root. */
  readonly freshKey?: NonNullable<PlannedFile['fresh']>
}

/** The plan of a daemon that reads a certificate file and a key file, or one file that holds both. */
export function planPair(connector: string, target: PairTarget, material: Material, defaults: DaemonDefaults): Plan {
  const files = planFiles(target, material, defaults)
  return planService(target, material, { ...defaults, connector, files, generation: planGeneration(target) })
}

interface Paths {
  readonly certPath: string
  readonly keyPath: string
}

/** With a generation, the paths lead through its link. */
function pathsOf(target: PairTarget, defaults: DaemonDefaults): Paths {
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

function planGeneration({ layout, directory }: PairTarget): Plan['generation'] {
  if (layout !== 'generation') return null
  if (directory === undefined)
    throw invalidField('directory', 'layout "generation" needs the directory that it lives in')
  const base = directory.replace(/\/+$/, '')
  return { directory: base, link: `${base}/current` }
}

function planFiles(target: PairTarget, material: Material, defaults: DaemonDefaults): readonly PlannedFile[] {
  const { certPath, keyPath } = pathsOf(target, defaults)
  const chainPath = target.chain_path === '' ? undefined : target.chain_path
  const leaf = material.leaf.pem
  const chain = chainPem(material)
  if (chainPath !== undefined && (chainPath === certPath || chainPath === keyPath)) {
    throw invalidField('chain_path', 'it is the path of another file of this target')
  }
  const certificate = chainPath === undefined ? leaf + chain : leaf
  const key = accessOf(target, 'key_file', true)
  const fresh = defaults.freshKey === undefined ? {} : { fresh: defaults.freshKey }
  const chainFiles =
    chainPath === undefined ? [] : [plannedFile(chainPath, 'chain', chain, accessOf(target, 'chain_file', false))]
  if (certPath === keyPath)
    return [{ ...plannedFile(keyPath, 'bundle', material.keyPem + certificate, key), ...fresh }, ...chainFiles]
  return [
    ...chainFiles,
    plannedFile(certPath, 'certificate', certificate, accessOf(target, 'cert_file', false)),
    { ...plannedFile(keyPath, 'key', material.keyPem, key), ...fresh },
  ]
}
