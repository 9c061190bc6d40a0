import { Command } from 'commander'
import type { ToldPlan, ToldRenewal } from '../../server/client/renewal-client.ts'
import { table } from '../print/table.ts'
import { answer, type OperatorOptions, wholeNumber, withOperator } from './ask-operator.ts'

const mostDays = 366
const usualDays = 7

/** For a person, why a renewal begins when it does. */
const reasons: Readonly<Record<ToldRenewal['why'], string>> = {
  share: 'share of its life',
  issuer: 'its issuer says so (ARI)',
  found: 'what was found ends',
  key: 'its host lost the key',
  hosts: 'its targets differ',
  revoked: 'it was revoked',
  clock: 'a clock was ahead',
  open: 'under way',
  window: 'a window holds it up',
  failed: 'the last one failed',
  limit: 'the limits of its issuer',
  none: 'NOBODY RENEWS IT',
}

/** `waxseal control-plane renewals --plan`: what would be renewed when. */
export function renewalsCommand(): Command {
  return withOperator(new Command('renewals'))
    .description('Show what is to be renewed, when, by whom and why, and what would be late. Nothing is changed.')
    .option('--plan', 'the renewals to come, which is what is shown without it, too')
    .option('--days <number>', `of so many days (default: ${usualDays})`, wholeNumber(1, mostDays))
    .action((options: OperatorOptions & { readonly days?: number }) =>
      answer(options, (operator) => operator.plannedRenewals(options.days ?? usualDays), planLines),
    )
}

/** As a table, with a sum below it. */
export function planLines({ until, renewals, is_cut: isCut }: ToldPlan): readonly string[] {
  if (renewals.length === 0) return [`Nothing is to be renewed until ${shortly(until)}.`]
  const late = renewals.filter(({ is_late: isLate }) => isLate).length
  return [
    ...table(
      ['WHEN (UTC)', 'CERTIFICATE', 'AGENT', 'BY', 'WHY', 'ENDS (UTC)', 'IN THE WAY'],
      renewals.map((one) => [
        one.at === null ? '-' : shortly(one.at),
        one.common_name,
        one.agent_name,
        one.issuers.join(' > '),
        reasons[one.why],
        one.not_after === null ? '-' : shortly(one.not_after),
        inTheWay(one),
      ]),
    ),
    '',
    `${renewals.length} until ${shortly(until)}: ${sums(renewals)}; ${late === 0 ? 'none is late' : `${late} late`}.`,
    ...(isCut ? ['There are more certificates than one answer has: ask for fewer days.'] : []),
  ]
}

function inTheWay({ is_late: isLate, in_the_way: what }: ToldRenewal): string {
  if (!isLate) return what ?? '-'
  return what === null ? 'LATE' : `LATE: ${what}`
}

function sums(renewals: readonly ToldRenewal[]): string {
  const counts = new Map<string, number>()
  for (const { issuers } of renewals) {
    const first = issuers[0] ?? 'no issuer'
    counts.set(first, (counts.get(first) ?? 0) + 1)
  }
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ')
}

function shortly(time: string): string {
  return time.slice(0, 19)
}
