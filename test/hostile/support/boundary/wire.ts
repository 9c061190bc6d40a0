import { openControlPlane } from '../../../../src/control-plane/open-control-plane.ts'
import { toJob } from '../../../../src/control-plane/to-job.ts'
import { type Ask, lineOf, readAsk } from '../../../../src/documents/ask.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { startHttpsServer } from '../../../support/https-server.ts'
import { type Boundary, Violation } from '../fuzz.ts'
import { mutateJson, mutateText } from '../mutate.ts'
import type { Random } from '../random.ts'

const deployment = {
  id: 'job-1',
  type: 'Deployment',
  certificate_id: 'cert-1',
  target_id: 'target-1',
  target_name: 'mail',
  target_type: 'Postfix',
  instance: 'out',
  deadline: '2026-11-01T02:00:00Z',
  lease_s: 300,
  target_config: { cert_path: '/etc/postfix/cert.pem', key_path: '********', post_deploy_verify: { enabled: true } },
  status: 'Running',
}
const items = [
  deployment,
  { id: 'j2', type: 'Issuance', certificate_id: 'c', common_name: 'a.example.net', sans: ['b'], status: 'AwaitingCSR' },
  { id: 'j3', type: 'Validation', certificate_id: 'c', target_id: 't', status: 'Running' },
  { id: 'j4', type: 'Discovery', certificate_id: 'c', status: 'Running' },
]

/** Items of the work answer, one by one. What is a job for the courier, the deployer takes as one. */
export const workItems: Boundary = {
  name: 'wire: items of work',
  share: 1500,
  open: async () => ({
    take: async (random) => {
      const job = toJob(JSON.parse(JSON.stringify(mutateJson(random.pick(items), random))))
      if (!('kind' in job)) throw new Error(job.reason)
      const ask: Ask = { ask: 'take', jobs: [job] }
      try {
        return readAsk(lineOf(ask))
      } catch (error) {
        throw new Violation(`the deployer does not take ${JSON.stringify(job).slice(0, 500)}: ${String(error)}`)
      }
    },
    close: async () => {},
  }),
}

const bodies = [
  JSON.stringify({ jobs: items, count: items.length }),
  JSON.stringify({ certificate_pem: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n' }),
  JSON.stringify({ status: 'heartbeat_recorded', features: ['drift'] }),
  JSON.stringify({ features: ['lease', 'cancel', 'ca_pem'], cancel: ['job-1'], ca_pem: '-----BEGIN CERTIFICATE-----' }),
  JSON.stringify({ lease_s: 300, api_key: 'secret', status: 'csr_accepted' }),
  JSON.stringify({ error: 'no', message: 'no' }),
  '<html>',
] as const
const statuses = [200, 200, 200, 202, 204, 299, 301, 304, 400, 401, 404, 408, 410, 425, 429, 500, 503, 599] as const
const encodings = ['gzip', 'br', 'identity', 'deflate', 'chunked'] as const

/** Whole answers of a control plane, over HTTPS. */
export const httpsAnswers: Boundary = {
  name: 'wire: answers over HTTPS',
  share: 200,
  open: async () => {
    const authority = await makeAuthority()
    const pair = await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
    const server = await startHttpsServer(pair)
    const endpoint = { url: server.url, ca: authority.certificatePem, credential: 'secret', timeoutMs: 2000 }
    const plane = openControlPlane({ ...endpoint, agentId: 'agent-1' })
    const facts = { version: '1', hostname: 'a', os: 'linux', architecture: 'x64', ipAddress: '192.0.2.1' }
    return {
      take: async (random) => {
        const status = random.pick(statuses)
        const body = mutateText(random.pick(bodies), random)
        const headers = headersOf(random)
        server.answer(
          (_request, response) =>
            void response.writeHead(status, headers).end(status === 204 || status === 304 ? '' : body),
        )
        const call = random.below(7)
        if (call === 0) return plane.heartbeat(facts)
        if (call === 1) return plane.certificate('cert-1')
        if (call === 2) return plane.submitCsr('cert-1', 'PEM')
        if (call === 3) return plane.reportStatus('job-1', { status: 'Completed' })
        if (call === 4) return plane.exchangeCredential()
        if (call === 5) return plane.renewLease('job-1')
        return plane.work()
      },
      close: async () => {
        await plane.close()
        await server.close()
      },
    }
  },
}

function headersOf(random: Random): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (random.below(4) === 0) headers['content-encoding'] = random.pick(encodings)
  if (random.below(4) === 0)
    headers['retry-after'] = random.pick(['-1', '1e99', '99999999999999', 'Thu, 01 Jan 1970 00:00:00 GMT', 'x'])
  if (random.below(4) === 0) headers['date'] = random.pick(['', 'x', 'Thu, 01 Jan 9999 00:00:00 GMT'])
  if (random.below(8) === 0) headers['location'] = 'http://127.0.0.1:1/'
  return headers
}
