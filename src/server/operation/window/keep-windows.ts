import type { JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { timesOfRenewal } from './times-of-renewal.ts'

/** Each asks the database some times: so many are looked at in one transaction. */
const aPiece = 50

/**
 * What was not begun when its window ended waits for the next one, or for none where its end is near by then, or where the window is no
 * more. Any number of servers may do it at any time.
 */
export async function keepWindows(store: Store): Promise<void> {
  let found = aPiece
  while (found === aPiece) found = await store.transaction((inside) => keepSome(inside))
}

async function keepSome(store: Store): Promise<number> {
  const at = await store.now()
  const jobs = await store.windows.over(at, aPiece)
  for (const job of jobs) await keep(store, job, at)
  return jobs.length
}

async function keep(store: Store, { id, status, certificateId }: JobRow, at: number): Promise<void> {
  const certificate = await store.certificates.byId(certificateId)
  if (certificate === null) return
  const { notBefore, handOutUntil } = await timesOfRenewal(store, certificate, at)
  // An agent that has it and does not begin it gets it again then.
  if (!(await store.jobs.postpone(id, notBefore, handOutUntil)) && status === 'Pending')
    await store.jobs.offerAgain(id, notBefore, handOutUntil)
}
