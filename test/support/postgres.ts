import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'

const debian = '/usr/lib/postgresql'

/** A private PostgreSQL on a Unix socket. */
export interface Postgres {
  /** Of a database that is there, or not. */
  urlOf(name: string): string
  /** The URL of a new, empty database. */
  newDatabase(): Promise<string>
  /** Of the first of its processes. */
  readonly pid: number
  /** SIGKILL to all of it, as where the power fails. */
  kill(): Promise<void>
  /** Ends it as `systemctl stop` does. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** What a server ends with: a test, or a bench. */
export interface Owner {
  teardown(end: () => Promise<void>): unknown
}

/** Starts one, which ends with the test. `isDurable` false: a power cut may cost it all, and it is faster. */
export async function startPostgres(t: Owner, isDurable = true): Promise<Postgres> {
  const dir = await makeTemporaryFolder('wx-pg-')
  const data = join(dir, 'data')
  const asUser = dropRights(dir)
  run([
    ...asUser,
    postgresProgram('initdb'),
    '--pgdata',
    data,
    '--auth=trust',
    '--username=waxseal',
    '--encoding=UTF8',
    '--no-locale',
  ])
  const settings = ['-c', 'listen_addresses=', '-k', dir, '-c', `fsync=${isDurable ? 'on' : 'off'}`]
  const command = [...asUser, postgresProgram('postgres'), '-D', data, ...settings]
  let server = launch(command)
  const urlOf = (name: string): string => `postgres://waxseal@localhost/${name}?host=${dir}`
  if (!(await isReady(urlOf('postgres'), server))) throw new Error('PostgreSQL does not start')
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    // setpriv(1) becomes the server: this is its process.
    server.kill(signal)
    await ended
  }
  t.teardown(async () => {
    await end('SIGQUIT')
    await removeTree(dir)
  })
  return {
    get pid() {
      return server.pid ?? 0
    },
    urlOf,
    newDatabase: async () => {
      const name = `t${randomBytes(6).toString('hex')}`
      await ask(urlOf('postgres'), `CREATE DATABASE ${name}`)
      return urlOf(name)
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGINT'),
    start: async () => {
      // After SIGKILL its processes may hold its memory for a moment, and the next one refuses to start as long as they do.
      do server = launch(command)
      while (!(await isReady(urlOf('postgres'), server)))
    },
  }
}

/** The path of a program of the newest PostgreSQL that is installed: server and client are of one version. */
export function postgresProgram(name: string): string {
  const newest = readdirSync(debian).toSorted((one, other) => Number(other) - Number(one))[0] ?? ''
  return join(debian, newest, 'bin', name)
}

/** PostgreSQL refuses to run as root. It ends with a test that is killed. */
function dropRights(dir: string): readonly string[] {
  if (process.getuid?.() !== 0) return []
  const [uid, gid] = ['-u', '-g'].map((option) =>
    Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' })),
  )
  chownSync(dir, uid ?? 0, gid ?? 0)
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--pdeathsig=SIGQUIT']
}

function run([program = '', ...args]: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: {}, cwd: '/' })
}

function launch([program = '', ...args]: readonly string[]) {
  return spawn(program, args, { stdio: 'ignore', env: {}, cwd: '/' })
}

/** Its socket is there before it takes connections. False: it has ended. */
async function isReady(url: string, server: ChildProcess): Promise<boolean> {
  while (server.exitCode === null && server.signalCode === null) {
    try {
      await ask(url, 'SELECT 1')
      return true
    } catch (error) {
      const { code = '', message } = error as Error & { readonly code?: string }
      if (!/ECONNREFUSED|ECONNRESET|ENOENT|57P03|Connection terminated/.test(`${code} ${message}`)) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return false
}

async function ask(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
