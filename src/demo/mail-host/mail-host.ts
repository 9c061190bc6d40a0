import { join } from 'node:path'
import { runCommand } from '../../host/command.ts'
import { makeFolder } from '../../host/plain-files.ts'
import type { Daemon } from './daemon.ts'
import { startDovecot } from './dovecot-instance.ts'
import { type FirstPair, startPostfix } from './postfix-instance.ts'

/** The daemons that run, and a sentence where they are not the real ones. */
export interface MailHost {
  readonly daemons: readonly Daemon[]
  readonly remark: string | null
}

/** Starts the real daemons below `dir`. `onStarted` is given what stops each. */
export async function startMailHost(
  dir: string,
  pair: FirstPair,
  onStarted: (stop: () => Promise<void>) => void,
): Promise<MailHost> {
  const daemons: Daemon[] = []
  for (const [program, start] of [
    ['postfix', startPostfix],
    ['dovecot', startDovecot],
  ] as const) {
    if (!(await isInstalled(program))) continue
    const folder = join(dir, program)
    await makeFolder(folder)
    const daemon = await start(folder, pair)
    onStarted(() => daemon.stop())
    daemons.push(daemon)
  }
  return { daemons, remark: null }
}

async function isInstalled(program: string): Promise<boolean> {
  return (await runCommand(['which', program], { timeoutMs: 5000 })).exitCode === 0
}
