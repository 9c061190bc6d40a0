import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Operator } from '../../server/client/operator-client.ts'
import { requireSigned, type SignedHead } from '../../server/operation/audit-trail.ts'
import { type ChainEnd, followChain, type Link, noLink } from '../../server/store/audit-chain.ts'
import { table } from '../print/table.ts'
import { readGiven } from '../read-given.ts'
import { answer, type OperatorOptions, wholeNumber, withOperator } from './ask-operator.ts'

const newest = 50
const aPart = 1000

interface AuditOptions extends OperatorOptions {
  readonly after?: number
  readonly limit?: number
  readonly exportHead?: true
  readonly verify?: true
  readonly head?: string
  readonly key?: string
}

/** `waxseal control-plane audit`: what was done, by whom, and whether somebody changed what is written of it. */
export function auditCommand(): Command {
  return withOperator(new Command('audit'))
    .description('Show what was done and by whom, oldest first; without --after the newest.')
    .option('--after <link>', 'what came after this row', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--limit <number>', `how many rows (default: ${newest})`, wholeNumber(1, aPart))
    .option('--export-head', 'print the signed head of the trail (JSON), to be kept on another host')
    .option('--verify', 'read all of it, and end with an error where a row was changed, removed or put in')
    .option('--head <file>', 'with --verify: a head that was exported, which the trail must still have')
    .option('--key <file>', 'with --head: the key that it was signed with; default: audit.pem of the data directory')
    .action((options: AuditOptions) => {
      requireTogether(options)
      if (options.exportHead === true) return answer({ ...options, json: true }, (operator) => operator.auditHead())
      if (options.verify === true) return answer(options, (operator) => verify(operator, options), whole)
      return answer(options, (operator) => rowsOf(operator, options), lines)
    })
}

/** Who names a head believes that it was looked for. */
function requireTogether({ verify: isVerified, head, key }: AuditOptions): void {
  if (head !== undefined && isVerified !== true) throw alone('--head', '--verify')
  if (key !== undefined && head === undefined) throw alone('--key', '--head')
}

function alone(option: string, other: string): WaxsealError {
  return new WaxsealError('CONFIG_INVALID', { option, reason: `it goes with ${other}`, hint: `give ${other}, too` })
}

async function rowsOf(operator: Operator, { after, limit = newest }: AuditOptions): Promise<readonly Link[]> {
  const from = after ?? Math.max(0, (await operator.auditHead()).link - limit)
  return (await operator.audit({ after: from, limit })).rows
}

function lines(rows: readonly Link[]): readonly string[] {
  if (rows.length === 0) return ['Nothing was done yet.']
  return table(
    ['LINK', 'TIME (UTC)', 'WHO', 'WHAT', 'ON', 'DETAILS'],
    rows.map(({ link, at, actor, action, subject, details }) => [
      String(link),
      new Date(at).toISOString().slice(0, 19),
      actor,
      action,
      subject,
      JSON.stringify(details),
    ]),
  )
}

function whole({ link }: ChainEnd): readonly string[] {
  return [`The audit trail is whole: ${link} rows.`]
}

/** Follows the whole chain here: the one who is asked may be the one who changed it. */
async function verify(operator: Operator, options: AuditOptions): Promise<ChainEnd> {
  const kept = options.head === undefined ? null : await keptHead(options, options.head)
  let end: ChainEnd = { link: 0, hash: noLink }
  let isKept = kept === null || kept.link === 0
  for (let next: string | null = '0'; next !== null; ) {
    const part = await operator.audit({ after: next, limit: aPart })
    end = followChain(end, part.rows)
    isKept ||= part.rows.some(({ link, hash }) => link === kept?.link && hash === kept.hash)
    next = part.next
  }
  if (!isKept)
    throw new WaxsealError('AUDIT_BROKEN', { link: kept?.link ?? 0, reason: 'it does not have the head that was kept' })
  return end
}

async function keptHead({ dataDir, key }: AuditOptions, file: string): Promise<SignedHead> {
  const head = parseHead(file, await readText(resolve(file), 'name what audit --export-head printed'))
  const keyFile = key === undefined ? join(resolve(dataDir), 'audit.pem') : resolve(key)
  requireSigned(head, await readText(keyFile, 'name the audit.pem of the control plane with --key'))
  return head
}

async function readText(file: string, hint: string): Promise<string> {
  return (await readGiven(file, { hint })).toString('utf8')
}

function parseHead(file: string, text: string): SignedHead {
  try {
    const { link, hash, at, signature } = JSON.parse(text) as Partial<SignedHead>
    if (typeof link === 'number' && [hash, at, signature].every((value) => typeof value === 'string'))
      return { link, hash: String(hash), at: String(at), signature: String(signature) }
  } catch {}
  throw new WaxsealError('CONFIG_INVALID', { file, reason: 'it is not what audit --export-head printed' })
}
