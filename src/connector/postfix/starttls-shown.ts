import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { listOf } from './list-of.ts'
import type { Settings } from './read-services.ts'

/** Whether a server offers STARTTLS to a client: `never` to none at all. */
export type Shown = 'yes' | 'never' | 'not to this client' | 'not known'

/** Types that postmap(1) asks on this host alone. */
const local = /^(proxy:)*(cidr|hash|btree|lmdb|cdb|dbm|sdbm|texthash|regexp|pcre|inline|static):/

/** By the EHLO keywords that the server discards: for the client's address where a table names it, else for all. */
export async function starttlsShown(
  host: HostView,
  postmap: (...args: readonly string[]) => Command,
  settings: Settings,
  server: 'smtpd' | 'postscreen',
  client: string,
): Promise<Shown> {
  const tables = listOf(settings[`${server}_discard_ehlo_keyword_address_maps`])
  const forAll = hasStarttls(settings[`${server}_discard_ehlo_keywords`])
  for (const table of tables) {
    if (!local.test(table)) return 'not known'
    const { exitCode, stdout, output } = await host.run(postmap('-q', client, table))
    if (exitCode === 0) return hasStarttls(stdout) ? 'not to this client' : 'yes'
    // postmap(1) says nothing of what it does not find.
    if (exitCode !== 1 || /\b(fatal|error):/.test(output)) return 'not known'
  }
  if (!forAll) return 'yes'
  return tables.length === 0 ? 'never' : 'not to this client'
}

function hasStarttls(keywords: string): boolean {
  return listOf(keywords.toLowerCase()).includes('starttls')
}
