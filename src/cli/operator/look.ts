import { Command } from 'commander'
import type { LookedAddress, LookedExchange } from '../../control-plane/look-report.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import type { ShownLook } from '../../server/client/look-client.ts'
import type { Operator } from '../../server/client/operator-client.ts'
import { answer, type OperatorOptions, withOperator } from './ask-operator.ts'

const everyMs = 2000
const longestMs = 11 * 60_000

/** `waxseal control-plane look`: what a sender sees of a domain's mail. */
export function lookCommand(): Command {
  return withOperator(new Command('look'))
    .description(
      'Have another host look at the mail of a domain from outside, as a sender does: MX, STARTTLS at port 25, chain, names, TLSA records.',
    )
    .argument('<domain>', 'such as example.org')
    .requiredOption('--from <agent>', 'id or name of the agent that looks; its policy has to allow it (policy.look)')
    .addHelpText(
      'after',
      '\nExample: waxseal control-plane look example.org --from mail-7\n\nThe agent asks twice a minute what it is to look at: this command waits for that, eleven minutes at most.\nExit status: 0 nothing is wrong, 1 anything else.',
    )
    .action((domain: string, options: OperatorOptions & { readonly from: string }) =>
      answer(
        options,
        async (operator) => {
          const name = domain.toLowerCase().replace(/\.$/, '')
          const look = await ended(operator, await operator.askLook(name, options.from))
          if (look.report === null || look.report.problems.length > 0) process.exitCode = 1
          return look
        },
        linesOf,
      ),
    )
}

async function ended(operator: Operator, id: string): Promise<ShownLook> {
  const until = systemClock.now() + longestMs
  for (;;) {
    const look = await operator.look(id)
    if (look.ended_at !== null) return look
    if (systemClock.now() > until)
      throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', {
        reason: 'the agent has not looked',
        hint: 'see that it calls: waxseal control-plane agents',
      })
    await systemClock.sleep(everyMs)
  }
}

function linesOf({ domain, agent, report, refusal }: ShownLook): readonly string[] {
  if (report === null) return [`${agent} has not looked at ${domain}: ${refusal ?? 'it did not say why'}`]
  return [
    `${domain}, seen from ${agent} at ${report.at}:`,
    ...report.exchanges.flatMap(linesOfExchange),
    '',
    ...(report.problems.length === 0 ? ['Nothing is wrong: senders deliver over verified TLS.'] : report.problems),
  ]
}

function linesOfExchange({ name, preference, tlsa, addresses }: LookedExchange): readonly string[] {
  const records =
    tlsa.count === 0 ? 'no TLSA records' : `${tlsa.count} TLSA records, ${tlsa.secure ? 'secure' : 'not secure'}`
  return [`  MX ${preference} ${name}, ${records}`, ...addresses.map((one) => `    ${one.address}  ${stateOf(one)}`)]
}

function stateOf({
  skipped,
  error,
  tlsVersion,
  leaf,
  notAfter,
  distrust,
  coversName,
  matchesTlsa,
}: LookedAddress): string {
  if (skipped !== null) return `not looked at: ${skipped}`
  if (error !== null) return `no certificate: ${error}`
  const facts = [
    tlsVersion ?? 'unknown TLS',
    `leaf ${leaf?.slice(0, 16)}`,
    `until ${notAfter}`,
    distrust === null ? 'trusted' : `not trusted (${distrust})`,
    coversName ? 'for this name' : 'not for this name',
    ...(matchesTlsa === null ? [] : [matchesTlsa ? 'matches TLSA' : 'matches no TLSA']),
  ]
  return facts.join(', ')
}
