import { WaxsealError } from '../error/waxseal-error.ts'
import { type CommandResult, runCommand } from '../host/process/command.ts'
import { isWithin } from './name.ts'
import { type NsupdateServer, nsupdateScript } from './nsupdate-script.ts'
import { type RecordChange, requirePlain } from './record-change.ts'

/** How the records of a zone are published. */
export type Publisher = { readonly zone: string } & (
  | { readonly nsupdate: NsupdateServer }
  | { readonly hook: readonly [program: string, ...args: string[]] }
)

const timeoutMs = 60_000
/** nsupdate's own, in seconds, for each request. */
const nsupdateSeconds = '20'

/**
 * Publishes or removes records of one zone: with `nsupdate` all of them at once or none, with a hook one after the other. What is there
 * already, or is gone already, is no failure. DNS_UPDATE_FAILED otherwise; then some of a hook's changes may have been made.
 */
export async function changeRecords(changes: readonly RecordChange[], publisher: Publisher): Promise<void> {
  const plain = changes.map(requirePlain)
  const foreign = plain.find(({ name }) => !isWithin(name, publisher.zone))
  if (foreign !== undefined) throw failed(publisher, { name: foreign.name, reason: 'it is not in this zone' })
  if ('nsupdate' in publisher) return runNsupdate(plain, publisher.zone, publisher.nsupdate)
  for (const { change, name, type, value } of plain) {
    const result = await runCommand([...publisher.hook, change, name, type, value], { timeoutMs })
    if (result.exitCode !== 0) throw failed(publisher, { name, ...factsOf(result) })
  }
}

async function runNsupdate(changes: readonly RecordChange[], zone: string, to: NsupdateServer): Promise<void> {
  const input = nsupdateScript(changes, zone, to)
  const result = await runCommand(['nsupdate', '-v', '-t', nsupdateSeconds, '-k', to.keyFile], { timeoutMs, input })
  if (result.exitCode !== 0) throw failed({ zone }, { server: to.server, ...factsOf(result) })
}

function factsOf({ exitCode, timedOut, output, command: [program] }: CommandResult): WaxsealError['details'] {
  return { program, exit: exitCode ?? 'none', ...(timedOut ? { reason: 'it took too long' } : {}), output }
}

function failed({ zone }: Pick<Publisher, 'zone'>, details: WaxsealError['details']): WaxsealError {
  return new WaxsealError('DNS_UPDATE_FAILED', { zone, ...details })
}

/** The one with the longest zone that the name is in; null: nobody publishes it. */
export function publisherFor<P extends { readonly zone: string }>(name: string, publishers: readonly P[]): P | null {
  const [best] = publishers
    .filter(({ zone }) => isWithin(name, zone))
    .toSorted((one, other) => other.zone.length - one.zone.length)
  return best ?? null
}
