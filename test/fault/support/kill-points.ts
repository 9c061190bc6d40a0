import { createHash } from 'node:crypto'
import type { KillHost } from './kill-host.ts'
import { entriesOf } from './problems.ts'

/** A moment at which the program may be killed. */
export interface KillPoint {
  /** How many of its calls have been made. */
  readonly position: number
  /** The last of them. */
  readonly line: string
  /** Where the host is saved as it was then. Two moments that leave the same host share it. */
  readonly saved: string
}

/**
 * Runs the command to its end from where the scenario starts. After each of its calls it is held, and the host is saved: a process that is
 * killed there leaves just that, for it leaves nothing but files. So no call is missed, whatever their order was.
 */
export async function findKillPoints(host: KillHost, command: 'deploy' | 'recover'): Promise<readonly KillPoint[]> {
  const points: KillPoint[] = []
  const seen = new Map<string, string>()
  await host.restore('start')
  await host.run(command, async (line) => {
    const position = points.length + 1
    const digest = createHash('sha256')
      .update(JSON.stringify(await entriesOf(host.dir)))
      .digest('hex')
    const saved = seen.get(digest) ?? `${command}-${position}`
    if (!seen.has(digest)) await host.save(saved)
    seen.set(digest, saved)
    points.push({ position, line, saved })
  })
  return points
}
