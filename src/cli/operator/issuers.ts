import { resolve } from 'node:path'
import { Command } from 'commander'
import type { IssuerOnList } from '../../server/client/issuer-client.ts'
import { print } from '../print/print.ts'
import { table } from '../print/table.ts'
import { answer, commandOn, type OperatorOptions, withOperator } from './ask-operator.ts'

/** `waxseal control-plane issuers`: who signs, and how that goes. */
export function issuersCommand(): Command {
  return withOperator(new Command('issuers'))
    .description(
      'List who signs certificates: those that are asked by themselves first, each with its account and its last failure.',
    )
    .addHelpText(
      'after',
      '\nORDER: the place in which it is asked for certificates that name no issuer; "if named": only where a policy names it.\nACCOUNT and the times are those of ACME issuers. Below the table: what is used of the limits in the configuration.',
    )
    .action((options: OperatorOptions) => answer(options, (operator) => operator.issuers(), lines))
}

const accountExample = `
Example:
  waxseal control-plane issuer new-key /etc/waxseal/letsencrypt.key      as root; name it as account_key in the configuration, and restart
  waxseal control-plane issuer register letsencrypt                      the name of the issuer in the configuration`

/** `waxseal control-plane issuer`: what is done once for a CA. */
export function issuerCommand(): Command {
  const command = new Command('issuer')
    .description('Make an account at a CA: its key first, then the account.')
    .addHelpText('after', accountExample)
  command.addCommand(
    new Command('new-key')
      .description('Make the private key of an account, in a file that the control plane can read by its group.')
      .argument('<file>', 'as account_key in the configuration names it')
      .option(
        '--data-dir <dir>',
        'of the control plane: its group is to read the key',
        '/var/lib/waxseal-control-plane',
      )
      .action(async (file: string, { dataDir }: { readonly dataDir: string }) => {
        const { newAccountKey } = await import('../../server/issuer/acme/new-account-key.ts')
        await newAccountKey(resolve(file), resolve(dataDir))
        print(`The key is ${resolve(file)}: keep a copy, and give the same one to every server of the database.`)
        print(
          `Next: write account_key: ${resolve(file)} at the issuer, in the configuration of the control plane, and start it again.`,
        )
        print('Then: waxseal control-plane issuer register ISSUER')
      }),
  )
  command.addCommand(
    commandOn(
      'register',
      'Make the account of an issuer, or find the one that its key has already.',
      ['<issuer>', 'its name in the configuration'],
      (operator, name) => operator.registerIssuer(name),
    ),
  )
  return command
}

function lines(issuers: readonly IssuerOnList[]): readonly string[] {
  const rows = issuers.map(({ name, kind, place, account, worked_at, failed_at, error }) => [
    name,
    kind,
    place === null ? 'if named' : String(place),
    account ?? '-',
    worked_at?.slice(0, 19) ?? '-',
    error === null || failed_at === null ? '-' : `${failed_at.slice(0, 19)} ${error}`,
  ])
  return [
    ...table(['ISSUER', 'KIND', 'ORDER', 'ACCOUNT', 'LAST ANSWER (UTC)', 'LAST FAILURE (UTC)'], rows),
    ...issuers.flatMap(({ name, limits }) => limits.map((limit) => limitLine(name, limit))),
  ]
}

function limitLine(name: string, { limit, used, most, per_s, names }: IssuerOnList['limits'][number]): string {
  const counted = {
    orders: 'orders',
    same_names: `certificates for ${names ?? ''}`,
    registered_domain: `new certificates below ${names ?? ''}`,
  }
  return `${name}: ${used} of ${most} ${counted[limit]} in ${duration(per_s)}`
}

function duration(seconds: number): string {
  return seconds % 86_400 === 0 ? `${seconds / 86_400}d` : seconds % 3600 === 0 ? `${seconds / 3600}h` : `${seconds}s`
}
