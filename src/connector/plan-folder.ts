import type { Material } from '../material/material.ts'
import type { PlannedFile } from '../plan/plan.ts'
import { chainPem, plannedFile } from './plan-service.ts'
import type { ServiceTarget } from './target.ts'
import { pathValue } from './target-schema.ts'

/** A daemon that reads names in a folder. */
export interface FolderTarget extends ServiceTarget {
  readonly cert_dir?: string
  readonly cert_file?: string
  readonly key_file?: string
}

/** A name in a folder, no path. */
export const fileNameValue = { type: 'string', pattern: '^(?!\\.{1,2}$)[^/\\u0000]+$', maxLength: 255 } as const

/** `cert_dir`, `cert_file`, `key_file`. */
export const folderFields = {
  cert_dir: { ...pathValue, description: 'The folder of the two files.' },
  cert_file: { ...fileNameValue, description: 'Leaf and chain. Default `cert.pem`.' },
  key_file: { ...fileNameValue, description: 'The private key. Default `key.pem`.' },
} as const

const keep = { mode: 'keep', owner: 'keep', group: 'keep' } as const

/** The key, then the certificate: who watches the certificate finds the key in place when it is renamed in. */
export function planFolder(target: FolderTarget, material: Material, folder: string): readonly PlannedFile[] {
  const at = (name: string): string => `${(target.cert_dir ?? folder).replace(/\/+$/, '')}/${name}`
  return [
    plannedFile(at(target.key_file ?? 'key.pem'), 'key', material.keyPem, keep),
    plannedFile(at(target.cert_file ?? 'cert.pem'), 'certificate', material.leaf.pem + chainPem(material), keep),
  ]
}
