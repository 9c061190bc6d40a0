import type { KillHost } from './kill-host.ts'
import type { Call, KillAt, Pad, Traced } from './strace.ts'

/** A call that the program is killed at. */
export interface KillPoint {
  /** Of our calls, from 0: those before it have been made. */
  readonly position: number
  readonly line: string
  /** The call before it changed what other programs see: an fsync or a command did not. */
  readonly isNews: boolean
  readonly at: KillAt
}

/** Runs the command to its end, once per padding, and says how it can be killed at each of its calls. */
export async function findKillPoints(host: KillHost, command: 'deploy' | 'recover'): Promise<readonly KillPoint[]> {
  const runs: (readonly [Pad, Traced])[] = []
  for (const pad of ['pool', 'main'] as const) {
    await host.restore('start')
    runs.push([pad, await host.run(command, pad)])
  }
  const [[, { calls, status, stderr }] = missing()] = runs
  if (calls.length === 0) throw new Error(`${command} made no call (${status}): ${stderr}`)
  return calls.map(({ name, line }, position) => {
    for (const [pad, run] of runs) {
      const call = run.calls[position]
      if (call?.name !== name || !call.isFirst) continue
      const isNews = !/^(f\w*sync|clone|v?fork)$/.test(calls[position - 1]?.name ?? '')
      return { position, line, isNews, at: { pad, name, when: call.when } }
    }
    throw new Error(`${command} cannot be killed at its call ${position}, ${line}: another thread comes first`)
  })
}

const withinDocument = /^(?!rename|link|unlink).*\/state\/(\w+\/\.waxseal-|deploy\.lock|history)/

/** Without the calls within the write of one document of the state directory. */
export function thinOut(points: readonly KillPoint[]): readonly KillPoint[] {
  return points.filter(({ line }) => !withinDocument.test(line))
}

function missing(): never {
  throw new Error('there was no run')
}

const longest = 30

/**
 * Kills the command there: the calls before are made, this one is not. Node's own threads may make a call more or less in another run,
 * so where the kill came is read from the trace, and it is tried again with another number. False: it never came there, for commands
 * that are begun side by side are begun in another order each time.
 */
export async function killAt(host: KillHost, command: 'deploy' | 'recover', point: KillPoint): Promise<boolean> {
  let { at } = point
  for (let tries = 1; tries <= longest; tries += 1) {
    await host.restore('start')
    const { status, calls } = await host.run(command, at)
    const done = calls.filter((call) => call.isDone)
    if (status === 'SIGKILL' && done.length === point.position) return true
    const reached: Call | undefined = calls[point.position]
    at = { ...at, when: reached?.name === at.name ? reached.when : at.when + 1 }
  }
  return false
}
