import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { AgentsPlan } from './agents.ts'
import type { PlayedCounts } from './played-deployer.ts'
import type { Recorded } from './recorder.ts'

/** What a process of agents says. */
export type Said = Recorded & Readonly<PlayedCounts>

/** Processes with agents. */
export interface Fleet {
  /** What all have called since this was last asked, and what was done in all. `isAnew`: agents are counted anew from now on. */
  ask(isAnew?: boolean): Promise<Said>
  stop(): void
}

const program = new URL('agents.ts', import.meta.url).pathname

/** Starts so many agents in so many processes, all at once. */
export function startFleet(plan: Omit<AgentsPlan, 'first' | 'count'>, agents: number, processes: number): Fleet {
  const each = Math.ceil(agents / processes)
  const running = Array.from({ length: processes }, (_, at) => {
    const first = at * each
    return startOne({ ...plan, first, count: Math.max(0, Math.min(each, agents - first)) })
  })
  return {
    ask: async (isAnew) => sumOf(await Promise.all(running.map(({ ask }) => ask(isAnew)))),
    stop: () => {
      for (const one of running) one.stop()
    },
  }
}

function startOne(plan: AgentsPlan): Fleet {
  const child = spawn(process.execPath, [program, JSON.stringify(plan)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    ask: async (isAnew = false) => {
      child.stdin.write(isAnew ? 'anew\n' : '\n')
      const { value, done } = await lines.next()
      if (done === true) throw new Error('a process of agents has ended')
      return JSON.parse(value) as Said
    },
    stop: () => {
      process.off('exit', kill)
      kill()
    },
  }
}

function sumOf(all: readonly Said[]): Said {
  const sum = (of: (said: Said) => number): number => all.reduce((total, said) => total + of(said), 0)
  return {
    perSecond: added(all.map(({ perSecond }) => perSecond)),
    reasons: added(all.map(({ reasons }) => reasons)),
    heartbeats: all.flatMap(({ heartbeats }) => heartbeats),
    calls: sum(({ calls }) => calls),
    failed: sum(({ failed }) => failed),
    answered: sum(({ answered }) => answered),
    done: sum(({ done }) => done),
    twice: sum(({ twice }) => twice),
    csrs: sum(({ csrs }) => csrs),
  }
}

function added(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums = new Map<string, number>()
  for (const [name, count] of all.flatMap((one) => Object.entries(one))) sums.set(name, (sums.get(name) ?? 0) + count)
  return Object.fromEntries(sums)
}
