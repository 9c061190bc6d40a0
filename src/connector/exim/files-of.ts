import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import type { WiredFile } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'

/** The pairs that clients without a server name of their own are served, as far as they can be told. */
export interface EximFiles {
  readonly files: readonly WiredFile[]
  /** Why other files may be served; null: these are all. */
  readonly doubt: string | null
  /** Whether these files are what a client that names no server is served. */
  readonly isDefault: boolean
}

/** What can be expanded here without asking anybody else: no command, lookup or file's contents. */
const harmless = ['if', 'exists', 'eq', 'eqi', 'def', 'and', 'or', 'lc', 'uc', 'primary_hostname', 'qualify_domain']
const byName = ['tls_in_sni', 'tls_sni']

const anew = 'Exim makes the path of its pair anew for each connection.'
const unseen =
  'Which pair Exim takes depends on the files that its own account sees, and that cannot be told from here.'

/** `tls_certificate` and `tls_privatekey`: lists of files in the same order, which Exim expands for each connection. */
export async function filesOf(
  host: HostView,
  exim: Command,
  { tls_certificate: certificate, tls_privatekey: key }: { tls_certificate: string; tls_privatekey: string },
): Promise<EximFiles> {
  if (certificate === '')
    return { files: [], doubt: 'Exim makes its certificate itself: tls_certificate is not set.', isDefault: false }
  const words = wordsIn(`${certificate} ${key}`)
  const unknown = words.find((word) => !harmless.includes(word) && !byName.includes(word))
  const looks = unknown === undefined && words.includes('exists')
  const asked = looks ? await asItsAccount(host, exim) : exim
  const [certificates, keys] = await Promise.all([certificate, key].map((text) => expanded(host, asked, text, unknown)))
  if (certificates === null || keys === null || certificates === undefined || keys === undefined)
    return { files: [], doubt: looks ? unseen : anew, isDefault: false }
  const files = certificates.flatMap((path, index) => pairOf(path, keys[index] ?? ''))
  const isNamed = words.some((word) => byName.includes(word))
  const open = [
    ...(isNamed ? ['Exim makes the path of its pair anew for each name that a client asks for.'] : []),
    ...(looks ? ['Which pair Exim takes depends on the files that are there.'] : []),
  ]
  const doubt = open.length === 0 ? null : open.join(' ')
  return { files, doubt, isDefault: true }
}

/** Exim looks for a file as its own account, which does not see into each folder that root sees into. */
async function asItsAccount(host: HostView, exim: Command): Promise<Command> {
  const { stdout } = await host.run([...exim, '-bP', 'exim_user', 'exim_group'])
  const [user = '', group = ''] = ['user', 'group'].map((kind) => stdout.match(`exim_${kind} = (\\S+)`)?.[1])
  return ['setpriv', `--reuid=${user}`, `--regid=${group}`, '--init-groups', ...exim]
}

/** The absolute paths of a list; null: it cannot be told. */
async function expanded(
  host: HostView,
  exim: Command,
  text: string,
  unknown: string | undefined,
): Promise<readonly string[] | null> {
  if (!text.includes('$')) return pathsOf(text)
  if (unknown !== undefined) return null
  const [program, ...instance] = exim
  const { exitCode, stdout } = await host.run([program, ...instance, '-be', text])
  // Without a connection all names are empty; of what it cannot expand, Exim says "Failed: …".
  return exitCode === 0 && !stdout.startsWith('Failed') ? pathsOf(stdout.trim()) : null
}

function pathsOf(list: string): readonly string[] | null {
  const paths = listOf(list)
  return paths.every((path) => path.startsWith('/')) ? paths : null
}

/** Variables, operators and conditions. */
function wordsIn(text: string): readonly string[] {
  return [...text.matchAll(/\$\{?([A-Za-z0-9_]+)|([A-Za-z0-9_]+)\s*\{/g)].map(([, one, other]) => one ?? other ?? '')
}

/** Without a key option, the key is in the certificate's file. */
function pairOf(certificate: string, key: string): readonly WiredFile[] {
  if (key === '' || key === certificate) return [{ path: certificate, role: 'bundle' }]
  return [
    { path: certificate, role: 'certificate' },
    { path: key, role: 'key' },
  ]
}
