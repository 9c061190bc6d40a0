import { readdir, readFile } from 'node:fs/promises'

/** Whether there is a process of one of these names (proc_pid_comm(5)); null: this process may not see those of others. */
export async function isRunning(names: readonly string[]): Promise<boolean | null> {
  if ((await nameOf('1')) === null) return null
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const running = await Promise.all(pids.map(nameOf))
  return running.some((name) => name !== null && names.includes(name))
}

async function nameOf(pid: string): Promise<string | null> {
  return readFile(`/proc/${pid}/comm`, 'utf8').then(
    (name) => name.trim(),
    () => null,
  )
}
