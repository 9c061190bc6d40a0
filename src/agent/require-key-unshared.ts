import type { PreparedChange } from '../apply/prepare-changes.ts'
import type { HostView } from '../connector/connector.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { PlannedWiring } from '../plan/plan.ts'
import { readable } from './live-leaf.ts'
import { wholeLeaves } from './whole-leaves.ts'

/**
 * KEY_SHARED where a listener reads a file that is replaced together with a certificate that is not, and would be left with half a
 * pair: several certificates with one key, say, or one key file for several sites.
 */
export async function requireKeyUnshared(
  wiring: PlannedWiring | null,
  changes: readonly PreparedChange[],
  host: Pick<HostView, 'readFile' | 'identity'>,
): Promise<void> {
  const groups = wiring?.together ?? []
  if (groups.length === 0) return
  const planned = new Map(
    await Promise.all(changes.map(async (change) => [await host.identity(change.path), change] as const)),
  )
  for (const paths of groups) {
    const files = await Promise.all(
      paths.map(async (path) => {
        const change = planned.get(await host.identity(path))
        return { path, change, bytes: await host.readFile(path).catch(() => null) }
      }),
    )
    const now = joined(files.map(({ bytes }) => bytes))
    const whole = wholeLeaves(joined(files.map(({ bytes, change }) => change?.contents ?? bytes))) ?? []
    for (const { path, change, bytes } of files) {
      if (change !== undefined || bytes === null) continue
      const lost = readable(bytes).find(({ sha256 }) => wholeLeaves(now)?.includes(sha256) && !whole.includes(sha256))
      if (lost === undefined) continue
      const key = files.find((file) => file.change?.role === 'key')?.path ?? null
      throw new WaxsealError('KEY_SHARED', { certificate: path, names: lost.names.join(', '), key })
    }
  }
}

/** With a line's end between them: a PEM file may end without. */
function joined(files: readonly (Uint8Array | null)[]): Buffer {
  return Buffer.concat(files.flatMap((file) => (file === null ? [] : [file, Buffer.from('\n')])))
}
