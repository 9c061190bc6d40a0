import t from 'tap'
import { faceControlPlane } from '../../../../src/cli/control-plane/face-control-plane.ts'
import { basisOf } from '../../../../src/control-plane/basis-of.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { startHttpsServer } from '../../../support/https-server.ts'

t.test('a credential that was exchanged since the last call is the one that the next call sends', async (t) => {
  const authority = await makeAuthority()
  const server = await startHttpsServer(await authority.issue({ names: [], ips: ['127.0.0.1'] }))
  t.teardown(() => server.close())
  const endpoint = { url: server.url, ca: authority.certificatePem, credential: 'configured', agentId: 'agent-1' }
  const { credential: basis } = basisOf(endpoint)
  let secret = 'first'
  const faced = faceControlPlane(endpoint, async () => ({
    trust: null,
    credential: { basis, since: 0, secrets: [secret] },
  }))
  const cancelled = { kind: 'status', jobId: 'job-1', status: 'Cancelled' } as const

  await faced.report([cancelled])
  secret = 'second'
  await faced.report([cancelled])

  t.same(
    server.requests.map(({ headers }) => headers.authorization),
    ['Bearer first', 'Bearer second'],
  )
})
