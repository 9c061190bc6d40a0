import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openKeyRequests } from '../../../../src/deployer/work/key-requests.ts'
import { makeRequest, type RequestParts } from '../../../../src/deployer/work/make-request.ts'
import type { IssuanceJob } from '../../../../src/documents/job.ts'
import { limits } from '../../../../src/limit/limits.ts'
import { openKeyParts } from '../../../support/key-parts.ts'

const most = limits.keysPerCertificate.most

t.test('a job that comes again has the key that it had, whether its request was delivered or not', async (t) => {
  const { make, keys } = await open(t)

  const first = await make('job-1', 'mc-1')
  const second = await make('job-1', 'mc-1')

  t.equal((await keys()).length, 1)
  t.match([first, second], [{ jobId: 'job-1' }, { jobId: 'job-1' }])
})

t.test('a certificate that is asked for without end takes no key from the others', async (t) => {
  const { make, keys, reopen } = await open(t)
  for (let count = 0; count < most; count += 1) await make(`job-${count}`, 'mc-loop')

  await t.rejects(make('one-more', 'mc-loop'), { code: 'LIMIT_EXCEEDED', details: { limit: 'keysPerCertificate' } })
  await t.rejects((await reopen())('one-more', 'mc-loop'), { code: 'LIMIT_EXCEEDED' }, 'nor after a restart')
  await make('other', 'mc-other')

  t.equal((await keys()).length, most + 1)
})

t.test('what was asked for on an earlier day counts no more, and is forgotten unless its job waits', async (t) => {
  const { make, requests } = await open(t, ['waits'])
  const earlier = Date.now() - 86_400_000 * 1.5
  for (const id of ['waits', 'ended', 'older'])
    await requests.put(id, {
      spkiSha256: 'a'.repeat(64),
      ...(id === 'older' ? {} : { certificateId: 'mc-1', made: earlier }),
    })

  await make('job-1', 'mc-1')

  t.same((await requests.list()).map(({ id }) => id).toSorted(), ['job-1', 'waits'])
})

async function open(t: Test, waiting: readonly string[] = []) {
  const dir = t.testdir()
  const requests = await openKeyRequests(join(dir, 'requests'))
  const opened = async () => {
    const parts: RequestParts = {
      ...(await openKeyParts(dir)),
      names: null,
      orders: { policy: { orders: null } } as unknown as RequestParts['orders'],
      isOpen: (jobId) => waiting.includes(jobId),
    }
    return (id: string, certificateId: string) => makeRequest(jobOf(id, certificateId), parts)
  }
  return { make: await opened(), reopen: opened, requests, keys: () => readdir(join(dir, 'keys')) }
}

function jobOf(id: string, certificateId: string): IssuanceJob {
  return { kind: 'issuance', id, certificateId, commonName: 'mail.example.net', sans: [] }
}
