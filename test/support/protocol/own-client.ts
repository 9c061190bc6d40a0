import { type ControlPlane, openControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import { register } from '../../../src/control-plane/register.ts'
import { asWaxsealError } from '../../../src/error/waxseal-error.ts'
import { hostFacts } from '../../../src/host/host-facts.ts'
import { type Place, type ProtocolAgent, type ProtocolClient, Refused } from './client.ts'

const facts = hostFacts('0.0.0')

/** The client that the courier uses. */
export function openOwnClient({ url, caPem: ca }: Place): ProtocolClient {
  const opened: ControlPlane[] = []
  return {
    title: 'ours',
    register: async (token, name, key) => {
      const { agentId, credential } = await orRefused(register({ url, ca, credential: token }, name, facts, key))
      return { id: agentId, credential: credential ?? '' }
    },
    open: ({ id, credential }) => {
      const plane = openControlPlane({ url, ca, agentId: id, credential })
      opened.push(plane)
      return agentOf(plane)
    },
    close: async () => {
      await Promise.all(opened.map((plane) => plane.close()))
    },
  }
}

function agentOf(plane: ControlPlane): ProtocolAgent {
  return {
    heartbeat: async () => (await orRefused(plane.heartbeat(facts))).cancel,
    work: async (seconds) => {
      const wait = seconds === undefined ? undefined : { seconds, signal: new AbortController().signal }
      const { jobs } = await orRefused(plane.work(wait))
      return jobs.map(({ id, kind, certificateId }) => ({
        id,
        certificateId,
        kind: kind === 'issuance' ? 'csr' : kind === 'deployment' ? 'deployment' : 'other',
      }))
    },
    csr: async (certificateId, csrPem) => {
      await orRefused(plane.submitCsr(certificateId, csrPem))
    },
    certificate: (certificateId) => orRefused(plane.certificate(certificateId)),
    report: (jobId, status) => orRefused(plane.reportStatus(jobId, { status })),
    verify: ({ jobId, targetId, fingerprint }) =>
      orRefused(
        plane.reportVerification(jobId, { targetId, expected: fingerprint, actual: fingerprint, verified: true }),
      ),
    drift: async (target, reason) => {
      await orRefused(plane.reportDrift([{ target, at: new Date().toISOString(), reasons: [reason] }]))
    },
    additions: {
      renewLease: async (jobId) => {
        await orRefused(plane.renewLease(jobId))
      },
      exchange: () => orRefused(plane.exchangeCredential()),
    },
  }
}

async function orRefused<Value>(call: Promise<Value>): Promise<Value> {
  return call.catch((error: unknown) => {
    const { details, message } = asWaxsealError(error)
    const [status, wait] = [details['status'], details['retryAfterMs']]
    if (typeof status !== 'number') throw error
    throw new Refused(status, typeof wait === 'number' ? wait / 1000 : null, message)
  })
}
