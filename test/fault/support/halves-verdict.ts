import type { OperatorJob } from '../../../src/server/client/operator-client.ts'
import { servedLeaf } from '../../support/served-leaf.ts'
import type { HalvesHost, Heard } from './halves-host.ts'

/** Whether a job of this status has ended. */
export function isFinal(status: string): boolean {
  return status === 'Completed' || status === 'Failed'
}

interface StatusBody {
  readonly status: string
  readonly outcome?: { readonly outcome: string; readonly certificate?: { readonly sha256: string } | null }
}

/** What breaks the promise after one certificate has gone through both halves, a sentence each. */
export async function violationsOf(host: HalvesHost, certificateId: string): Promise<readonly string[]> {
  const jobs = (await host.jobs(certificateId)).filter(({ type }) => type === 'Deployment')
  const live = host.live()
  const served = await servedLeaf({ port: host.port, protocol: 'smtp' })
  const files = await host.files()
  const ends = jobs.map((job) => endOf(host, job))
  const last = ends.map(({ told }) => told).findLast((told) => told !== null)
  const reloads = ends.map(({ reloadsThen }) => reloadsThen)
  return [
    ...(jobs.length === 0 ? ['there is no deployment'] : []),
    ...ends.flatMap(({ problems }) => problems),
    ...(live === null ? ['certificate and key are not one pair'] : []),
    ...(served === live ? [] : [`the socket serves ${served}, the disk holds ${live}`]),
    ...(last === undefined || ends.some(({ told }) => told === live)
      ? []
      : [`the report told ${last}, ${live} is live`]),
    ...(host.reloads() === Math.max(...reloads)
      ? []
      : [`${reloads.join(', ')} reloads before the final reports, ${host.reloads()} in the end`]),
    ...files.filter((name) => /(^|\/)\.waxseal-|\.aside$/.test(name)).map((name) => `${name} is left`),
    ...files
      .filter((name) => /^state\/(journal|outbox|dead|certificates)\/./.test(name))
      .map((name) => `${name} is left`),
    ...sameKey(host.heard()),
  ]
}

interface JobEnd {
  readonly problems: readonly string[]
  /** The leaf that its final report named. */
  readonly told: string | null
  /** How often the daemon had been reloaded when that came. */
  readonly reloadsThen: number
}

function endOf(host: HalvesHost, { id, status, error }: OperatorJob): JobEnd {
  const said = host.heard().filter(({ path }) => path.endsWith(`/jobs/${id}/status`))
  const finals = said.filter((one) => isFinal(bodyOf(one).status))
  const [first] = finals
  if (first === undefined) return { problems: [`no final report of ${id} arrived`], told: null, reloadsThen: 0 }
  const { outcome } = bodyOf(first)
  const told = outcome?.certificate?.sha256 ?? 'nothing'
  const isVerified = host.heard().some(({ path }) => path.endsWith(`/jobs/${id}/verify`))
  const problems = [
    ...(status === 'Completed' ? [] : [`${id} is ${status}: ${error}`]),
    ...new Set(finals.filter(({ body }) => body !== first.body).map(({ body }) => `another final report: ${body}`)),
    ...(told === first.live ? [] : [`the report told ${told} when ${first.live} was live`]),
    ...(said.slice(said.indexOf(first)).every((one) => isFinal(bodyOf(one).status)) ? [] : [`${id} ran after its end`]),
    // What recovery finished is found unchanged, and asks no port again.
    ...(isVerified || outcome?.outcome !== 'deployed' ? [] : [`no verification of ${id} arrived`]),
  ]
  return { problems, told, reloadsThen: first.reloads }
}

/** A request for a certificate is made and told as often as it must be, but always with one key. */
function sameKey(heard: readonly Heard[]): readonly string[] {
  const requests = heard.filter(({ path }) => path.endsWith('/csr')).map(({ body }) => body)
  const keys = new Set(requests.map(keyIn))
  return keys.size === 1 ? [] : [`${keys.size} keys for one certificate`]
}

/** Of a key on P-256 the SPKI has 91 bytes, and begins like no other (RFC 5480). */
const p256 = /3059301306072a8648ce3d020106082a8648ce3d030107034200[0-9a-f]{128}/

function keyIn(body: string): string {
  const { csr_pem: pem } = JSON.parse(body) as { readonly csr_pem: string }
  const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64').toString('hex')
  return p256.exec(der)?.[0] ?? `no key in ${body}`
}

function bodyOf({ body }: Heard): StatusBody {
  return JSON.parse(body) as StatusBody
}
