import type { RolloverNameRow, TlsaRow } from '../store/rollover-rows.ts'
import { fitting } from './fits.ts'
import type { NeededKey } from './keys-in-use.ts'
import type { TlsaLook } from './tlsa.ts'

/** What is not seen everywhere by then takes its time. */
export const longMs = 15 * 60_000

/** What is looked at. */
interface Seen {
  readonly name: Pick<RolloverNameRow, 'name'>
  readonly look: TlsaLook
  readonly at: number
  readonly needed: readonly NeededKey[]
}

/** Who has a record not yet that was wanted a quarter of an hour ago; null: nobody, or a person has yet to publish it. */
export function behindWith({ name, look, at, needed }: Seen, rows: readonly TlsaRow[]): string | null {
  const row = rows.find((one) => one.seenAt === null && at - one.changedAt >= longMs && one.state !== 'removing')
  const key = needed.find(({ spki }) => spki === row?.spki)
  if (row === undefined || key === undefined || look.answers.length === 0) return null
  const behind = look.answers.filter(({ records }) => fitting(key, name.name, records) === null)
  const record = `the record of the key ${row.spki.slice(0, 12)}`
  if (behind.length === 0)
    return `every server of the zone has ${record}, and the resolver on loopback does not say so: its cache has the answer of before, or the zone is not signed`
  if (behind.length < look.answers.length)
    return `${record} is not at ${behind.map(({ server }) => server).join(', ')}, and at the other servers it is: see whether the zone is transferred`
  return look.isByHand
    ? null
    : `${record} is at no server, though it is published each minute: see the log of the server that takes the updates, or of the hook`
}
