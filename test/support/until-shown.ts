import { request } from 'undici'
import type { StatusDocument, TargetStatus } from '../../src/status/status-document.ts'
import { until } from './until.ts'

/** Resolves when the status endpoint shows such a target: the view of the host is written a moment after the log and the report. */
export async function untilShown(url: string, isSo: (target: TargetStatus) => boolean): Promise<void> {
  await until(async () => {
    const { targets } = (await (await request(`${url}/status`)).body.json()) as StatusDocument
    return targets.some(isSo)
  })
}
