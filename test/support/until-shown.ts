import { request } from 'undici'
import type { StatusDocument } from '../../src/status/status-document.ts'
import { until } from './until.ts'

/** Resolves when the status endpoint shows what became of this job: the view of the host is written a moment after the report is sent. */
export async function untilShown(url: string, job: string): Promise<void> {
  await until(async () => {
    const { targets } = (await (await request(`${url}/status`)).body.json()) as StatusDocument
    return targets.some(({ lastJob }) => lastJob?.job === job)
  })
}
