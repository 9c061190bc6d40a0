import { runCommand } from './process/command.ts'

const timeoutMs = 5000

/** Numeric ids of an account, by name or number; null when the host has none. Asks NSS through getent(1). */
export async function resolveUser(name: string): Promise<{ readonly uid: number; readonly gid: number } | null> {
  const fields = await lookUp('passwd', name)
  return fields === null ? null : { uid: Number(fields[2]), gid: Number(fields[3]) }
}

/** Numeric id of a group, by name or number; null when the host has none. */
export async function resolveGroup(name: string): Promise<number | null> {
  const fields = await lookUp('group', name)
  return fields === null ? null : Number(fields[2])
}

async function lookUp(database: 'passwd' | 'group', name: string): Promise<readonly string[] | null> {
  if (!/^[A-Za-z0-9_.][A-Za-z0-9_.$-]{0,255}$/.test(name)) return null
  const { exitCode, stdout } = await runCommand(['getent', database, name], { timeoutMs })
  return exitCode === 0 ? (stdout.split('\n')[0]?.split(':') ?? null) : null
}
