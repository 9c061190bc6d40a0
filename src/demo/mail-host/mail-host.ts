import { join } from 'node:path'
import { makeFolder } from '../../host/file/plain-files.ts'
import { isRoot } from '../../host/host-facts.ts'
import { runCommand } from '../../host/process/command.ts'
import type { Daemon } from './daemon.ts'
import { startDovecot } from './dovecot-instance.ts'
import { type FirstPair, startPostfix } from './postfix-instance.ts'
import { startStandIn } from './stand-in.ts'

/** The daemons that run, and a sentence where they are not the real ones. */
export interface MailHost {
  readonly daemons: readonly Daemon[]
  readonly remark: string | null
}

type Start = (dir: string, pair: FirstPair) => Promise<Daemon>

/** Starts the real daemons below `dir` where that can be, else a stand-in. `onStarted` is given what stops each. */
export async function startMailHost(
  dir: string,
  pair: FirstPair,
  onStarted: (stop: () => Promise<void>) => void,
): Promise<MailHost> {
  const start = async (name: string, begin: Start): Promise<Daemon> => {
    const folder = join(dir, name)
    await makeFolder(folder)
    const daemon = await begin(folder, pair)
    onStarted(() => daemon.stop())
    return daemon
  }
  if (!isRoot()) return standIn(start, 'Only root can start Postfix and Dovecot')
  const missing: string[] = []
  const daemons: Daemon[] = []
  for (const [program, begin] of [
    ['postfix', startPostfix],
    ['dovecot', startDovecot],
  ] as const) {
    if (await isInstalled(program)) daemons.push(await start(program, begin))
    else missing.push(program)
  }
  if (daemons.length === 0) return standIn(start, 'Postfix and Dovecot are not installed')
  return { daemons, remark: missing.length === 0 ? null : `${missing.join(' and ')} is not installed and left out.` }
}

async function standIn(start: (name: string, begin: Start) => Promise<Daemon>, why: string): Promise<MailHost> {
  return { daemons: [await start('stand-in', startStandIn)], remark: `${why}: a small STARTTLS server stands in.` }
}

async function isInstalled(program: string): Promise<boolean> {
  return (await runCommand(['which', program], { timeoutMs: 5000 })).exitCode === 0
}
