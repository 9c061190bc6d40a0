import { resolveUser } from '../users.ts'

/** From here on root is this account, for good, where there is one: what it may read and reach is what the service may. */
export async function becomeUser(name: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const account = await resolveUser(name)
  if (account === null) return
  process.setgroups?.([])
  process.setgid?.(account.gid)
  process.setuid?.(account.uid)
}
