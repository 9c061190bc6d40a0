import type { Material } from '../../material/material.ts'
import type { PlannedFile } from '../../plan/plan.ts'
import { accessOf, chainPem, plannedFile } from './plan-service.ts'
import type { AccessTarget, ServiceTarget } from './target.ts'
import { accessFields, pathValue } from './target-schema.ts'

/** A daemon that reads names in a folder. */
export interface FolderTarget extends ServiceTarget, AccessTarget<'cert_file'>, AccessTarget<'key_file'> {
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
  ...accessFields('cert_file', 'the certificate file'),
  ...accessFields('key_file', 'the key file; one that lets others in is refused'),
} as const

/** The key, then the certificate: who watches the certificate finds the key in place when it is renamed in. */
export function planFolder(target: FolderTarget, material: Material, folder: string): readonly PlannedFile[] {
  const at = (name: string): string => `${(target.cert_dir ?? folder).replace(/\/+$/, '')}/${name}`
  return [
    plannedFile(at(target.key_file ?? 'key.pem'), 'key', material.keyPem, accessOf(target, 'key_file', true)),
    plannedFile(
      at(target.cert_file ?? 'cert.pem'),
      'certificate',
      material.leaf.pem + chainPem(material),
      accessOf(target, 'cert_file', false),
    ),
  ]
}
