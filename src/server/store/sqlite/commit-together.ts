import { AsyncLocalStorage } from 'node:async_hooks'
import type { DatabaseSync } from 'node:sqlite'

/** So many share a commit: the next look at what has arrived waits for all of them. */
const mostTogether = 16

/** The one connection of an SQLite database, and who may use it when. */
export interface Connection {
  /** Reads what is committed: at once, or when those who write have ended. */
  read<T>(work: () => T): Promise<T>
  /** All of `work` or nothing of it, durable when it resolves. Others that came in the meantime may share the commit. */
  write<T>(work: () => Promise<T>): Promise<T>
  /** Outside of any transaction, alone. */
  alone<T>(work: () => T): Promise<T>
}

interface Task {
  readonly isAlone: boolean
  readonly work: () => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * One after another: what runs between the statements of a transaction would be part of it. Those that write wait until all that has
 * arrived is read, and share one commit, which on a slow disk takes longer than all else; each fails for itself, but where the disk fails.
 */
export function openConnection(file: DatabaseSync): Connection {
  const isInTurn = new AsyncLocalStorage<true>()
  let writers: Task[] = []
  let readers: (() => void)[] = []
  let isBusy = false
  let isDrainDue = false
  const drain = async (): Promise<void> => {
    isBusy = true
    const together = nextOf(writers)
    writers = writers.slice(together.length)
    await isInTurn.run(true, () => runTogether(file, together))
    isBusy = false
    isDrainDue = false
    const waited = readers
    readers = []
    for (const read of waited) read()
    drainSoon()
  }
  const drainSoon = (): void => {
    if (isDrainDue || writers.length === 0) return
    isDrainDue = true
    setImmediate(() => void drain())
  }
  const begin = (isAlone: boolean, work: () => unknown): Promise<unknown> => {
    // It would wait for its own end.
    if (isInTurn.getStore() === true) throw new Error('the store outside of a transaction was used inside of it')
    return new Promise((resolve, reject) => {
      writers.push({ isAlone, work, resolve, reject })
      drainSoon()
    })
  }
  return {
    read: async (work) => {
      if (isInTurn.getStore() === true) throw new Error('the store outside of a transaction was used inside of it')
      if (isBusy) await new Promise<void>((resolve) => readers.push(resolve))
      return work()
    },
    write: (work) => begin(false, work) as ReturnType<typeof work>,
    alone: (work) => begin(true, work) as Promise<ReturnType<typeof work>>,
  }
}

/** The first, and those behind it that can share its commit. */
function nextOf(writers: readonly Task[]): readonly Task[] {
  const other = writers.findIndex(({ isAlone }) => isAlone)
  return writers.slice(0, other === -1 ? mostTogether : Math.max(1, Math.min(other, mostTogether)))
}

async function runTogether(file: DatabaseSync, tasks: readonly Task[]): Promise<void> {
  const [first] = tasks
  if (first === undefined) return
  if (first.isAlone) return runAlone(first)
  const ends: (() => void)[] = []
  try {
    file.exec('BEGIN IMMEDIATE')
    for (const task of tasks) ends.push(await runOne(file, task))
    file.exec('COMMIT')
  } catch (error) {
    // A write that came behind the close finds no database.
    if (file.isOpen && file.isTransaction) file.exec('ROLLBACK')
    for (const { reject } of tasks) reject(error)
    return
  }
  for (const end of ends) end()
}

/** Returns what tells its end, once that is durable. Throws where SQLite has undone the work of all: the disk is full, or fails. */
async function runOne(file: DatabaseSync, { work, resolve, reject }: Task): Promise<() => void> {
  file.exec('SAVEPOINT one')
  try {
    const result = await work()
    file.exec('RELEASE one')
    return () => resolve(result)
  } catch (error) {
    if (!file.isTransaction) throw error
    file.exec('ROLLBACK TO one; RELEASE one')
    return () => reject(error)
  }
}

async function runAlone({ work, resolve, reject }: Task): Promise<void> {
  try {
    resolve(await work())
  } catch (error) {
    reject(error)
  }
}
