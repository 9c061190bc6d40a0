import type { PolicyConfig } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { hasIssued, isSelfSigned } from '../material/arrange-chain.ts'
import type { Material } from '../material/material.ts'
import type { Live } from './live.ts'

/** What clients of the live pair would miss: its chain, its RSA key. Warnings, or CHAIN_MISSING or RSA_KEY_LOST. */
export function adviseOnSuccession(
  material: Material,
  live: Live,
  policy: Pick<PolicyConfig, 'missingChain' | 'keyType'>,
): readonly string[] {
  return [...adviseOnChain(material, live, policy.missingChain), ...adviseOnKey(material, live, policy.keyType)]
}

/** A root that clients know may issue leaves itself; whether they know this one, only the chain of before can tell. */
function adviseOnChain(
  { leaf, chain }: Material,
  { certificates: [liveLeaf, ...liveChain] }: Live,
  mode: 'refuse' | 'warn',
): readonly string[] {
  if (isSelfSigned(leaf)) return liveLeaf === undefined || isSelfSigned(liveLeaf) ? [] : [selfSigned]
  if (chain.length > 0) return []
  const warning = `The certificate comes without a chain: clients that do not know its issuer, ${leaf.issuer}, refuse it.`
  if (liveLeaf === undefined || isSelfSigned(liveLeaf)) return [warning]
  if (liveChain.length === 0) return []
  if (mode === 'warn' || liveChain.some((issuer) => isSelfSigned(issuer) && hasIssued(issuer, leaf))) return [warning]
  throw new WaxsealError('CHAIN_MISSING', {
    issuer: leaf.issuer,
    live: liveChain.map(({ subject }) => subject),
    hint: 'Deploy the full chain: fullchain.pem in place of cert.pem, or add --chain.',
    setting: 'policy.missing_chain',
  })
}

const selfSigned =
  'The certificate is self-signed, and the live one is not: clients that trust the CA of the live one refuse it.'

/** Pairs beside each other are there for clients that know one type alone. */
function adviseOnKey(
  { leaf }: Material,
  { certificates: [liveLeaf], beside }: Live,
  mode: 'refuse' | 'warn',
): readonly string[] {
  if (liveLeaf === undefined || liveLeaf.keyType === leaf.keyType) return []
  if (liveLeaf.keyType !== 'rsa' || beside.includes('rsa')) {
    return beside.includes(leaf.keyType)
      ? [`The listener has another ${leaf.keyType} pair already: one of the two is served.`]
      : []
  }
  if (beside.length === 0 || mode === 'warn')
    return [`The key is ${leaf.keyType}, the live one is RSA: clients that know RSA alone will find none.`]
  throw new WaxsealError('RSA_KEY_LOST', {
    keyType: leaf.keyType,
    beside,
    hint: 'Put an RSA pair here, or this one in the place of the other type.',
    setting: 'policy.key_type',
  })
}
