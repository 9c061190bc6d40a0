import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { isFolder } from '../../host/file/folder/private-folder.ts'
import { print, printJson } from '../print/print.ts'
import { type Shared, withShared } from './serve.ts'

interface KeepOptions extends Shared {
  readonly database?: string
}

/** The commands that keep the database: it is brought to this version, copied, and put back. */
export function keepCommands(): readonly Command[] {
  return [migrateCommand(), backUpCommand(), restoreCommand()]
}

function withDatabase(command: Command): Command {
  return withShared(command).option(
    '--database <url>',
    'postgres://USER@HOST/DATABASE, in place of the SQLite database in the data directory',
  )
}

function migrateCommand(): Command {
  return withDatabase(new Command('migrate'))
    .description(
      'Bring the database to this version, with the server stopped; an SQLite one is copied first. serve does it, too.',
    )
    .action(async ({ dataDir, database, json }: KeepOptions) => {
      const { migrateData, migratePostgres } = await import('../../server/migrate-data.ts')
      const done = await (database === undefined ? migrateData(resolve(dataDir)) : migratePostgres(database))
      if (json === true) return printJson(done)
      if (done.from === 'empty') return print(`There was no database: an empty one of version ${done.to} is there now.`)
      if (done.from === done.to) return print(`The database has version ${done.to} already.`)
      print(`The database has version ${done.to} now.`)
      if (done.copy !== null) print(`As it was, it is kept as ${done.copy}.`)
    })
}

function backUpCommand(): Command {
  return withDatabase(new Command('backup'))
    .description('Write a copy of the SQLite database into one file, while the server runs or not.')
    .argument('<file>', 'where to; one that is there is replaced')
    .action(async (file: string, { dataDir, database, json }: KeepOptions) => {
      if (database !== undefined) throw ownTools('pg_dump --format=custom --file=FILE URL')
      const { backUpTo } = await import('../../server/back-up.ts')
      const [from, to] = [resolve(dataDir), resolve(file)]
      await requirePlaceFor(to)
      await backUpTo(from, to)
      if (json === true) return printJson({ file: to })
      print(
        `The backup is ${to}.`,
        `No key and no token is in it. Keep these where you keep secrets: ${join(from, 'ca.key')} (without it no agent`,
        `trusts what is restored, and it must be the one of ca.pem), ${join(from, 'audit.key')},`,
        `the account key of each ACME issuer (account_key, else acme-NAME.key in ${from}), and /etc/waxseal/control-plane.yaml`,
        'with each file that it names.',
      )
    })
}

async function requirePlaceFor(file: string): Promise<void> {
  if (await isFolder(file))
    throw new WaxsealError('CONFIG_INVALID', { file, reason: 'it is a folder', hint: 'name the file in it' })
  if (await isFolder(dirname(file))) return
  throw new WaxsealError('CONFIG_INVALID', { file, reason: 'its folder is not there', hint: 'make the folder first' })
}

function restoreCommand(): Command {
  return withDatabase(new Command('restore'))
    .description(
      'Put a backup into a data directory that has no database, with the server stopped. After its start the hosts are asked what they have before anything is issued to them.',
    )
    .argument('[file]', 'what backup wrote; none with --database, after pg_restore')
    .action(async (file: string | undefined, { dataDir, database, json }: KeepOptions) => {
      const folder = resolve(dataDir)
      if (database !== undefined) {
        if (file !== undefined)
          throw ownTools('pg_restore --dbname=URL FILE, then restore --database URL without a file')
        const { holdPostgres } = await import('../../server/migrate-data.ts')
        const agents = await holdPostgres(database)
        return json === true ? printJson({ agents }) : print(asked(agents))
      }
      if (file === undefined)
        throw new WaxsealError('CONFIG_INVALID', { reason: 'no file is named', hint: 'name the one that backup wrote' })
      const { restoreFrom } = await import('../../server/back-up.ts')
      const { agents, ca } = await restoreFrom(resolve(file), folder)
      if (json === true) return printJson({ agents, ca })
      print(
        `The database is in ${folder}. ${asked(agents)}`,
        `Before you start it, put ca.key there, the one of this CA: ${ca.join(', ')}.`,
      )
    })
}

function asked(agents: number): string {
  return `Agents that are asked what their hosts have, before anything is issued to them: ${agents}.`
}

function ownTools(hint: string): WaxsealError {
  return new WaxsealError('CONFIG_INVALID', {
    option: '--database',
    reason: 'PostgreSQL is copied and put back by its own programs',
    hint,
  })
}
