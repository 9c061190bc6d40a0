import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'node:tls'
import type { ShortLivedHost, ShortLives } from './short-lives.ts'

/** What was seen at the sockets of the hosts, and what the control plane says of it. */
export interface SeenHosts {
  readonly looks: number
  /** Looks that got no answer. */
  readonly unanswered: number
  /** Looks that saw a certificate past its end. */
  readonly pastEnd: number
  /** Of the CA's certificates, what was left of the life at a look, in seconds: the least. */
  readonly leastLeftS: number
  /** Until every host served a certificate of the CA, in seconds. */
  readonly firstS: number
  readonly renewals: number
  /** Of the host with the fewest. */
  readonly leastRenewals: number
  readonly jobs: Readonly<Record<string, number>>
  /** Of jobs that failed, with how often. */
  readonly failures: ReadonlyMap<string, number>
  readonly kills: number
}

const lookEveryMs = 1000
const longestFirstMs = 10 * 60_000

/** Looks at every host once a second for so long, from when each serves a certificate of the CA on; kills the control plane in between. */
export async function watchHosts(
  site: ShortLives,
  { forMs, kills }: { readonly forMs: number; readonly kills: number },
): Promise<SeenHosts> {
  const begun = performance.now()
  const serials = new Map(site.hosts.map(({ name }): [string, Set<string>] => [name, new Set()]))
  let [looks, unanswered, pastEnd, leastLeftMs] = [0, 0, 0, Number.POSITIVE_INFINITY]
  const look = async (host: ShortLivedHost): Promise<void> => {
    looks += 1
    const leaf = await leafOf(host)
    if (leaf === null) unanswered += 1
    else if (leaf.isOfCa) {
      serials.get(host.name)?.add(leaf.serial)
      const left = leaf.notAfter - Date.now()
      leastLeftMs = Math.min(leastLeftMs, left)
      if (left < 0) pastEnd += 1
    }
  }
  const lookAtAll = async (): Promise<void> => {
    await Promise.all([...site.hosts.map(look), delay(lookEveryMs)])
  }
  const areAllServed = (): boolean => [...serials.values()].every(({ size }) => size > 0)
  while (!areAllServed()) {
    if (performance.now() - begun > longestFirstMs)
      throw new Error('some hosts have no certificate of the CA after ten minutes')
    await lookAtAll()
  }
  const firstMs = performance.now() - begun
  let killed = 0
  for (const from = performance.now(); performance.now() - from < forMs; ) {
    await lookAtAll()
    if (killed < kills && performance.now() - from > (forMs * (killed + 1)) / (kills + 1)) {
      killed += 1
      await Promise.all([site.kill(), lookAtAll()])
    }
  }
  const counts = [...serials.values()].map(({ size }) => size - 1)
  return {
    looks,
    unanswered,
    pastEnd,
    leastLeftS: Math.round(leastLeftMs / 1000),
    firstS: Math.round(firstMs / 1000),
    renewals: counts.reduce((sum, count) => sum + count, 0),
    leastRenewals: Math.min(...counts),
    ...(await jobsOf(site)),
    kills: killed,
  }
}

/** For a person. */
export function linesOf(
  seen: SeenHosts,
  { hosts, minutes, lifeS }: { readonly hosts: number; readonly minutes: number; readonly lifeS: number },
): readonly string[] {
  return [
    `${hosts} hosts with certificates of ${lifeS} s, for ${minutes} minutes; the control plane killed ${seen.kills} times`,
    `all served for the first time after ${seen.firstS} s`,
    `${seen.renewals} renewals, ${seen.leastRenewals} of the host with the fewest`,
    `${seen.looks} looks, ${seen.unanswered} without an answer, ${seen.pastEnd} past the end`,
    `the least that was left of a served certificate: ${seen.leastLeftS} s`,
    `jobs: ${Object.entries(seen.jobs)
      .map(([status, count]) => `${status} ${count}`)
      .join(', ')}`,
    ...[...seen.failures].map(([error, count]) => `  ${count} x ${error}`),
  ]
}

async function jobsOf({ operator }: ShortLives): Promise<Pick<SeenHosts, 'jobs' | 'failures'>> {
  const jobs: Record<string, number> = {}
  const failures = new Map<string, number>()
  let after: string | undefined
  for (;;) {
    const part = await operator.part('jobs', { after, limit: 1000 })
    for (const { status, type, error } of part.rows) {
      const name = `${String(type)} ${String(status)}`
      jobs[name] = (jobs[name] ?? 0) + 1
      if (status !== 'Failed') continue
      const why = String(error).slice(0, 100)
      failures.set(why, (failures.get(why) ?? 0) + 1)
    }
    if (part.next === null) return { jobs, failures }
    after = part.next
  }
}

interface Leaf {
  readonly serial: string
  readonly notAfter: number
  /** Pebble's own, not the one that the host began with. */
  readonly isOfCa: boolean
}

/** Null: nobody answers. */
function leafOf({ name, port }: ShortLivedHost): Promise<Leaf | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: `${name}.example.net`, rejectUnauthorized: false })
    socket.setTimeout(5000, () => socket.destroy())
    socket.once('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate()
      if (leaf === undefined) resolve(null)
      else {
        const isOfCa = leaf.issuer.includes('Pebble')
        resolve({ serial: leaf.serialNumber, notAfter: leaf.validToDate.getTime(), isOfCa })
      }
      socket.end()
    })
    socket.once('error', () => resolve(null))
    socket.once('close', () => resolve(null))
  })
}
