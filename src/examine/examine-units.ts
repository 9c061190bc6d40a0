import { dirname } from 'node:path'
import { runCommand } from '../host/process/command.ts'
import type { DeploymentRecord } from '../journal/deployment-record.ts'
import type { Finding } from './finding.ts'

const properties = ['LoadState', 'ActiveState', 'UnitFileState', 'ProtectSystem', 'ReadWritePaths'] as const
const units = ['waxseal.service', 'waxseal-deploy.service', 'waxseal-deploy.socket'] as const

/** Whether the agent runs, starts at boot, can be handed work, and may write where the targets are (systemctl(1)). */
export async function examineUnits(records: readonly DeploymentRecord[]): Promise<Finding> {
  const shown = await runCommand(['systemctl', 'show', ...units, `--property=${properties.join(',')}`], {
    timeoutMs: 10_000,
  })
  if (shown.exitCode !== 0) return { what: 'service', verdict: 'ok', detail: 'no systemd is asked here' }
  return judgeUnits(shown.stdout, records)
}

/** What systemctl shows of the units, a block of lines for each, in the order of their names above. */
export function judgeUnits(shown: string, records: readonly Pick<DeploymentRecord, 'files'>[]): Finding {
  const what = 'service'
  const [courier, deployer, socket] = shown.split('\n\n').map(propertiesIn)
  if (courier?.get('LoadState') !== 'loaded')
    return { what, verdict: 'warning', detail: 'waxseal.service is not installed: install the package, see README.md' }
  const closed = closedFolders(records, deployer?.get('ProtectSystem'), deployer?.get('ReadWritePaths') ?? '')
  if (closed.length > 0) {
    const way = `systemctl edit waxseal-deploy, then [Service] ReadWritePaths=${closed.join(' ')}`
    return { what, verdict: 'failed', detail: `its sandbox does not let it write to ${closed.join(', ')}: ${way}` }
  }
  if (courier.get('ActiveState') !== 'active')
    return { what, verdict: 'warning', detail: 'it does not run: systemctl start waxseal; journalctl -t waxseal' }
  if (socket?.get('ActiveState') !== 'active')
    return { what, verdict: 'failed', detail: 'nobody takes its work: systemctl start waxseal-deploy.socket' }
  if (courier.get('UnitFileState') !== 'enabled' || deployer?.get('UnitFileState') !== 'enabled')
    return { what, verdict: 'warning', detail: 'it does not start at boot: systemctl enable waxseal' }
  return { what, verdict: 'ok', detail: 'it runs, starts at boot, and may write where the targets are' }
}

function propertiesIn(block: string): ReadonlyMap<string, string> {
  return new Map(block.split('\n').map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]))
}

/** The folders of deployed files that `ProtectSystem=strict` keeps closed. */
export function closedFolders(
  records: readonly Pick<DeploymentRecord, 'files'>[],
  protectSystem: string | undefined,
  readWritePaths: string,
): readonly string[] {
  if (protectSystem !== 'strict') return []
  const open = readWritePaths.split(' ').map((path) => path.replace(/^[-+]+/, ''))
  const folders = new Set(records.flatMap(({ files }) => files.map(({ path }) => dirname(path))))
  return [...folders].filter((folder) => !open.some((path) => path !== '' && isWithin(folder, path)))
}

function isWithin(folder: string, path: string): boolean {
  return folder === path || folder.startsWith(`${path}/`)
}
