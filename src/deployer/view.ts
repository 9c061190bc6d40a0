import { join } from 'node:path'
import { readShownHost } from '../documents/read-shown-host.ts'
import { type ShownHost, shownHostFile, viewFolder } from '../documents/shown-host.ts'
import { textWithout } from '../documents/without-output.ts'
import { makeForGroup, writeForGroup } from '../host/file/group-file.ts'
import { openGroup } from '../host/users.ts'
import type { HistoryLine } from '../journal/history.ts'
import type { Engine } from './engine.ts'
import { openTurns } from './turns.ts'

/** What of the view is not read from the state directory: the deployer says it, and who changes records by hand leaves it as it is. */
export type ShownOfDeployer = Pick<
  ShownHost,
  'looks' | 'recovered' | 'inbox' | 'outbox' | 'deadLetters' | 'held' | 'currentJobs' | 'waiting'
>

const nothingSaid: ShownOfDeployer = {
  looks: [],
  recovered: [],
  inbox: 0,
  outbox: 0,
  deadLetters: [],
  held: [],
  currentJobs: [],
  waiting: [],
}

/** The account that the courier runs as, and its group. */
const group = 'waxseal'

/** Makes the folder of the view. Throws where others could change it. */
export async function makeView(stateDir: string): Promise<void> {
  await makeForGroup(viewFolder(stateDir), await readersGroup())
}

/**
 * Shows the records, and the last deployment of each target, as they are now. `change`: what else is other than what is shown. Two
 * processes follow one another. Throws where the folder cannot be trusted, or not be written.
 */
export async function showHost(
  stateDir: string,
  engine: Pick<Engine, 'records' | 'history' | 'journal' | 'ownTargets' | 'clock'>,
  change: Partial<ShownOfDeployer & Pick<ShownHost, 'setAside' | 'brokenTargets'>> = {},
): Promise<void> {
  const gid = await readersGroup()
  const turns = openTurns(join(stateDir, 'view.lock'), engine.clock)
  await turns.take(async () => {
    const { records, history, journal, ownTargets, clock } = engine
    const before = (await readShownHost(stateDir)) ?? nothingSaid
    const { looks, recovered, inbox, outbox, deadLetters, held, currentJobs, waiting = [] } = { ...before, ...change }
    const recorded = (await records.list()).map(({ document }) => document)
    const known = new Set(recorded.map(({ target }) => target))
    const shown: ShownHost = {
      v: 1,
      at: new Date(clock.now()).toISOString(),
      records: recorded,
      last: [...(await history.lastPerTarget()).values()].map(lineWithoutOutput),
      recent: (await history.read()).slice(-mostRecent).map(lineWithoutOutput),
      looks: looks.filter(({ target }) => known.has(target)),
      recovered,
      setAside: [...journal.setAside, ...records.setAside, ...(change.setAside ?? [])],
      inbox,
      outbox,
      deadLetters,
      held,
      currentJobs,
      waiting,
      brokenTargets: change.brokenTargets ?? ownTargets.broken.map(({ file, reason }) => `${file}: ${reason}`),
    }
    await writeForGroup(join(viewFolder(stateDir), shownHostFile), Buffer.from(JSON.stringify(shown)), gid)
  })
}

/** The newest lines of the history that are shown. */
const mostRecent = 200

/** The group of the courier. */
const findReaders = openGroup(group)

/** Where the courier is a user of its own it reads by its group; else both halves are one user. */
export async function readersGroup(): Promise<number> {
  const readers = process.geteuid?.() === 0 ? await findReaders() : null
  return readers ?? process.getegid?.() ?? 0
}

/** What commands printed is root's to read. */
function lineWithoutOutput({ printed: _, ...line }: HistoryLine): HistoryLine {
  return { ...line, message: textWithout(line.message) }
}
