import type { Material } from '../../material/material.ts'
import type { FileRole } from '../../plan/plan.ts'
import { invalidField } from '../planner/field.ts'
import { chainPem } from '../planner/plan-service.ts'
import { keyDer, pkcs12 } from './pkcs12.ts'
import { utf8 } from './pkcs12-crypto.ts'

/** What a file may hold, and what journals and records take it for. */
export const formats = {
  certificate: 'certificate',
  chain: 'chain',
  fullchain: 'certificate',
  key: 'key',
  'key-and-chain': 'bundle',
  bundle: 'bundle',
  der: 'certificate',
  'key-der': 'key',
  pkcs12: 'bundle',
} as const satisfies Readonly<Record<string, FileRole>>

export type Format = keyof typeof formats

/** The bytes of a file of this format. `secret` gives the password and alias of a PKCS#12 store; nothing else asks. */
export async function contentsOf(
  format: Format,
  material: Material,
  secret: () => Promise<{ readonly password: string; readonly alias: string }>,
): Promise<Uint8Array> {
  const { leaf, keyPem } = material
  const fullchain = leaf.pem + chainPem(material)
  if (format === 'der') return leaf.der
  if (format === 'key-der') return keyDer(material)
  if (format === 'pkcs12') {
    const { password, alias } = await secret()
    return pkcs12(material, password, alias)
  }
  const texts = {
    certificate: leaf.pem,
    chain: chainPem(material),
    fullchain,
    key: keyPem,
    'key-and-chain': keyPem + fullchain,
    bundle: fullchain + keyPem,
  } as const
  return utf8(texts[format])
}

/** A password that every reader of PKCS#12 takes for the same bytes. */
export function checkPassword(field: string, password: string): string {
  if (/^[\x20-\x7e]+$/.test(password)) return password
  throw invalidField(
    field,
    'the password is empty, or has characters that are not printable ASCII: programs read those differently',
  )
}
