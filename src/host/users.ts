import type { Command } from '../plan/plan.ts'
import { type CommandResult, runCommand } from './process/command.ts'
import { rememberAnswers } from './process/remember-answers.ts'

const timeoutMs = 5000

/** Numeric ids of an account, by name or number; null when the host has none. Asks NSS through getent(1). */
export async function resolveUser(name: string): Promise<{ readonly uid: number; readonly gid: number } | null> {
  const fields = await lookUp('passwd', name)
  return fields === null ? null : { uid: Number(fields[2]), gid: Number(fields[3]) }
}

/** Numeric id of a group, by name or number; null when the host has none. */
export async function resolveGroup(name: string): Promise<number | null> {
  return idIn(await lookUp('group', name))
}

type Ask = (command: Command) => Promise<Pick<CommandResult, 'exitCode' | 'stdout'>>

const ask: Ask = (command) => runCommand(command, { timeoutMs })

/** getent(1): the database has no such entry. */
const notFound = 2

/**
 * The same of a group that is asked for often: each look-up is a process of its own. That there is such a group, or none, holds until
 * group(5) is another; that it could not be told does not.
 */
export function openGroup(name: string, asking = ask, file = '/etc/group'): () => Promise<number | null> {
  const remembering = rememberAnswers(async (command) => {
    const { exitCode, stdout } = await asking(command)
    return { exitCode: exitCode === notFound ? 0 : exitCode, id: exitCode === 0 ? idIn(entryIn(stdout)) : null }
  })
  return async () => (await remembering(['getent', 'group', name], [file])).id
}

async function lookUp(database: 'passwd' | 'group', name: string): Promise<readonly string[] | null> {
  if (!/^[A-Za-z0-9_.][A-Za-z0-9_.$-]{0,255}$/.test(name)) return null
  const { exitCode, stdout } = await ask(['getent', database, name])
  return exitCode === 0 ? entryIn(stdout) : null
}

function entryIn(stdout: string): readonly string[] | null {
  return stdout.split('\n')[0]?.split(':') ?? null
}

function idIn(fields: readonly string[] | null): number | null {
  return fields === null ? null : Number(fields[2])
}
