import type { Config } from '../config/config.ts'
import { findCertificates } from '../deployer/discover/find-certificates.ts'
import type { Finding } from './finding.ts'

/** Who runs the check waits no longer, in milliseconds. */
const longestMs = 20_000
const mostNamed = 5

/** Whether the folders of `discovery.folders` are there, can be read, and have certificates: what is missing there is missed by nobody. */
export async function examineDiscovery({
  discovery,
  stateDir,
}: Pick<Config, 'discovery' | 'stateDir'>): Promise<readonly Finding[]> {
  const { folders } = discovery
  if (folders.length === 0) return []
  const what = 'discovery'
  const { certificates, errors } = await findCertificates(folders, stateDir, AbortSignal.timeout(longestMs))
  const paths = [...certificates.values()].map(({ path }) => path)
  const isNamed = (folder: string): boolean => errors.some((error) => error.startsWith(`${folder} `))
  const empty = folders.filter((folder) => !isNamed(folder) && !paths.some((path) => isBelow(path, folder)))
  const troubles = [
    ...errors,
    ...empty.map((folder) => `${folder} has no certificate in any file.`),
    ...folders.filter(isHidden).map((folder) => `${folder} is hidden from the service (ProtectHome= of its unit).`),
  ]
  const count = `${certificates.size} certificates in ${folders.length} folders`
  if (troubles.length === 0) return [{ what, verdict: 'ok', detail: count }]
  const rest = troubles.length > mostNamed ? ` And ${troubles.length - mostNamed} more.` : ''
  const way = 'Mend them, or take them out of discovery.folders.'
  return [{ what, verdict: 'warning', detail: `${troubles.slice(0, mostNamed).join(' ')}${rest} ${way}` }]
}

function isBelow(path: string, folder: string): boolean {
  const plain = folder.replace(/\/+$/, '')
  return path === plain || path.startsWith(`${plain}/`)
}

/** Root, who runs the check, sees it; the service does not. */
function isHidden(folder: string): boolean {
  return ['/home', '/root', '/run/user'].some((hidden) => isBelow(folder, hidden))
}
