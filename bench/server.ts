import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeFolder, makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { type Postgres, startPostgres } from '../test/support/postgres.ts'
import type { BenchPlace } from './support/bench-server.ts'
import { type FloodFigures, floodWithCsrs } from './support/csr-flood.ts'
import { type PollFigures, pollHistories } from './support/poll-histories.ts'

// `npm run bench:server -- [--json] [--stores sqlite,postgres] [--histories 100000,1000000] [--agents N] [--rounds N] [--csrs N]
// [--features csr_accepted]`: polls of servers with finished jobs beside one without, and how long a poll waits while CSRs come.
const { values } = parseArgs({
  options: {
    stores: { type: 'string', default: 'sqlite,postgres' },
    histories: { type: 'string', default: '100000,1000000' },
    agents: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '10' },
    /** 0: none. */
    csrs: { type: 'string', default: '1000' },
    /** `csr_accepted`: of agents that are answered at once. */
    features: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})

/** What the bench says of one store. */
interface StoreFigures {
  readonly store: string
  readonly polls: readonly PollFigures[]
  readonly flood: FloodFigures | null
}

const dir = await makeTemporaryFolder('wx-bench-')
const endings: (() => unknown)[] = []
try {
  const figures: StoreFigures[] = []
  for (const store of listOf(values.stores)) {
    const postgres = store === 'postgres' ? await startPostgres({ teardown: (end) => endings.push(end) }) : null
    figures.push(await measure(store, postgres))
  }
  if (values.json) print(JSON.stringify(figures, null, 2))
} finally {
  for (const end of endings) await end()
  await removeTree(dir)
}

async function measure(store: string, postgres: Postgres | null): Promise<StoreFigures> {
  const placeFor = async (name: string): Promise<BenchPlace> => {
    const folder = join(dir, `${store}-${name}`)
    await makeFolder(folder)
    return { dir: folder, database: await postgres?.newDatabase() }
  }
  const histories = [0, ...listOf(values.histories).map(Number)]
  const plan = { histories, agents: Number(values.agents), rounds: Number(values.rounds) }
  const polls = await pollHistories((history) => placeFor(String(history)), plan)
  tell(polls.map(({ history, ...rest }) => `${store}, ${history} finished jobs: ${lineOf(rest)}`))
  const csrs = Number(values.csrs)
  const flood = csrs === 0 ? null : await floodWithCsrs(await placeFor('flood'), csrs, listOf(values.features))
  if (flood !== null) tell([`${store}, CSRs at once: ${lineOf(flood)}`])
  return { store, polls, flood }
}

/** A store takes minutes: each is told as soon as it is known. */
function tell(lines: readonly string[]): void {
  if (!values.json) for (const line of lines) print(line)
}

function lineOf(figures: object): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

function listOf(text: string): readonly string[] {
  return text.split(',').filter((one) => one !== '')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
