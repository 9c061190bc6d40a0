import { usableAt } from '../dane/observe.ts'
import { recordOf, tlsaText } from '../dane/tlsa.ts'
import type { ShownName, ShownRollover } from '../operation/dane/show-rollovers.ts'
import type { TlsaRow } from '../store/rollover-rows.ts'
import { timeOnWire, timeOrNull } from './on-wire.ts'

/** A target with roll-over as an operator sees it. */
export function daneOnWire({ rollover, names, waiting }: ShownRollover) {
  return {
    target_id: rollover.targetId,
    target: rollover.targetName,
    agent: rollover.agentName,
    turned_on_at: timeOnWire(rollover.turnedOnAt),
    turned_on_by: rollover.turnedOnBy,
    names: names.map(nameOnWire),
    waiting: waiting.map(({ job: { id, type }, until }) => ({ job_id: id, type, usable_at: timeOrNull(until) })),
  }
}

function nameOnWire({ name, records, publish, remove }: ShownName) {
  const { isByHand, endName, lookedAt, problem, seen } = name
  return {
    name: name.name,
    end_name: endName,
    looked_at: timeOrNull(lookedAt),
    by_hand: isByHand,
    problem,
    seen,
    records: records.map(({ row, why, isUsable }) => ({
      value: valueOf(row),
      key: why,
      state: row.state,
      usable: isUsable,
      usable_at: timeOrNull(usableAt(row)),
      matched_by_other: row.isByOther,
      since: timeOnWire(row.changedAt),
    })),
    publish,
    remove,
  }
}

function valueOf({ spki }: TlsaRow): string {
  return tlsaText(recordOf(spki))
}
