import { readdir, readFile } from 'node:fs/promises'

/** What processes have used. */
export interface Use {
  readonly cpuS: number
  readonly residentMb: number
}

/** Ticks of proc_pid_stat(5) in a second, on every Linux that there is. */
const ticks = 100

interface Stat {
  readonly pid: number
  readonly parent: number
  readonly cpuS: number
  readonly residentMb: number
}

/** These processes and all below them. What ended before is that of its parent. */
export async function useOf(roots: readonly number[]): Promise<Use> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = (await Promise.all(names.map((name) => statOf(Number(name))))).filter((stat) => stat !== null)
  const wanted = new Set(roots)
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid)
  }
  const ours = all.filter(({ pid }) => wanted.has(pid))
  return {
    cpuS: ours.reduce((sum, { cpuS }) => sum + cpuS, 0),
    residentMb: Math.round(ours.reduce((sum, { residentMb }) => sum + residentMb, 0)),
  }
}

/** Null: it has ended meanwhile. */
async function statOf(pid: number): Promise<Stat | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // Behind the name, which may have anything in it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const field = (number: number): number => Number(fields[number - 3])
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    // Pages that are shared are those of one process: PostgreSQL's are of all of its.
    const own = Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    return {
      pid,
      parent: field(4),
      cpuS: (field(14) + field(15) + field(16) + field(17)) / ticks,
      residentMb: own / 1024,
    }
  } catch {
    return null
  }
}
