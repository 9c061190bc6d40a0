import { Command, InvalidArgumentError } from 'commander'
import { type KeyKind, keyKinds } from '../../plan/key-kind.ts'
import { fallBackDefaults, fallBackShares } from '../../server/renewal/fall-back.ts'
import { shares } from '../../server/renewal/when-due.ts'
import type { PolicyBody } from '../../server/route/policy-body.ts'
import { answer, type OperatorOptions, oneOf, wholeNumber, withOperator } from './ask-operator.ts'

/** How a certificate is renewed, as options say it. */
export interface PolicyOptions {
  readonly renewAt?: number | 'default'
  readonly issuer?: readonly string[]
  readonly key?: 'rotate' | 'reuse'
  readonly keyType?: KeyKind | 'default'
  readonly fallBackAfter?: number | 'default'
  readonly fallBackAt?: number | 'default'
}

/** With these options. */
export function withPolicy(command: Command): Command {
  return command
    .option(
      '--fall-back-after <failures>',
      `after how many failures of an issuer the next one is asked, too; or "default": ${fallBackDefaults.after}`,
      parseFailures,
    )
    .option(
      '--fall-back-at <share>',
      `at which share of the life of what is replaced one failure is enough; or "default": ${fallBackDefaults.share}`,
      parseShareTo(fallBackShares.most),
    )
    .option(
      '--renew-at <share>',
      `at which share of its life it is renewed, ${shares.least} to ${shares.most}; or "default": two thirds, one half where it lives less than ten days`,
      parseShareTo(shares.most),
    )
    .option('--issuer <name...>', 'who signs it, in the order in which they are asked; at first: those of issuer_order')
    .option('--key <policy>', 'rotate: a new key each time; reuse: the same one', oneOf(['rotate', 'reuse'] as const))
    .option(
      '--key-type <type>',
      `the kind of its next key: ${keyKinds.join(', ')}; or "default": p256`,
      oneOf([...keyKinds, 'default'] as const),
    )
}

/** What was said of it. */
export function policyIn({ renewAt, issuer, key, keyType, fallBackAfter, fallBackAt }: PolicyOptions): PolicyBody {
  return {
    ...(renewAt === undefined ? {} : { renew_share: orDefault(renewAt) }),
    ...(fallBackAfter === undefined ? {} : { fall_back_after: orDefault(fallBackAfter) }),
    ...(fallBackAt === undefined ? {} : { fall_back_share: orDefault(fallBackAt) }),
    ...(issuer === undefined ? {} : { issuers: issuer }),
    ...(key === undefined ? {} : { key_policy: key }),
    ...(keyType === undefined ? {} : { key_type: keyType === 'default' ? null : keyType }),
  }
}

/** `waxseal control-plane policy`: how a certificate is renewed, shown or changed. */
export function policyCommand(): Command {
  return withPolicy(withOperator(new Command('policy')))
    .description('Show how a certificate is renewed, or change what the options name.')
    .argument('<certificate>', 'id, or common name where only one has it')
    .option('--any-issuer', 'those of issuer_order again')
    .action((certificate: string, options: OperatorOptions & PolicyOptions & { readonly anyIssuer?: true }) => {
      const change = policyIn(options.anyIssuer === true ? { ...options, issuer: [] } : options)
      return answer(options, (operator) =>
        Object.keys(change).length === 0 ? operator.policy(certificate) : operator.changePolicy(certificate, change),
      )
    })
}

/** How it differs from the rule of all, in one cell. */
export function policyCell({
  renew_share: share,
  issuers,
  key_policy: key,
  key_type: keyType,
  fall_back_after: after,
  fall_back_share: from,
}: Readonly<Record<string, unknown>>): string {
  const parts = [
    ...(typeof share === 'number' ? [`at ${share}`] : []),
    ...(Array.isArray(issuers) && issuers.length > 0 ? [issuers.join(' > ')] : []),
    ...(key === 'reuse' ? ['same key'] : []),
    ...(typeof keyType === 'string' ? [keyType] : []),
    ...(typeof after === 'number' ? [`next after ${after}`] : []),
    ...(typeof from === 'number' ? [`next from ${from}`] : []),
  ]
  return parts.length === 0 ? '-' : parts.join(', ')
}

function orDefault(given: number | 'default'): number | null {
  return given === 'default' ? null : given
}

function parseShareTo(most: number): (text: string) => number | 'default' {
  return (text) => {
    if (text === 'default') return text
    const share = /^0?\.\d{1,6}$/.test(text) ? Number(text) : Number.NaN
    if (share >= shares.least && share <= most) return share
    throw new InvalidArgumentError(`It is a share from ${shares.least} to ${most}, or default.`)
  }
}

function parseFailures(text: string): number | 'default' {
  return text === 'default' ? text : wholeNumber(1, 1000)(text)
}
