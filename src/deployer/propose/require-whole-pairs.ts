import type { PreparedChange } from '../../apply/prepare-changes.ts'
import type { HostView } from '../../connector/host-view.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { PlannedWiring } from '../../plan/plan.ts'
import { wholeLeaves } from '../transaction/whole-leaves.ts'
import { readable } from './live-leaf.ts'

type Host = Pick<HostView, 'readFile' | 'identity'>

/** One file that a listener reads together with others. */
interface ReadFile {
  readonly path: string
  readonly bytes: Uint8Array | null
  /** Undefined: it is not replaced. */
  readonly change: PreparedChange | undefined
}

/**
 * No listener is to be left with half a pair. KEY_SHARED: it reads a key that is replaced together with a certificate that is not,
 * as where several certificates have one key. PATH_NOT_READ: it reads the new certificate together with a key that is not replaced.
 */
export async function requireWholePairs(
  wiring: PlannedWiring | null,
  changes: readonly PreparedChange[],
  host: Host,
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
    requireWhole(files, changes)
  }
}

function requireWhole(files: readonly ReadFile[], changes: readonly PreparedChange[]): void {
  const now = wholeLeaves(joined(files.map(({ bytes }) => bytes))) ?? []
  const behind = wholeLeaves(joined(files.map(({ bytes, change }) => change?.contents ?? bytes))) ?? []
  const key = changes.find(({ role }) => role === 'key')?.path ?? null
  for (const { path, change, bytes } of files) {
    if (bytes === null) continue
    const [live] = readable(bytes)
    if (change === undefined) {
      const lost = readable(bytes).find(({ sha256 }) => now.includes(sha256) && !behind.includes(sha256))
      if (lost !== undefined)
        throw new WaxsealError('KEY_SHARED', { certificate: path, names: lost.names.join(', '), key })
    } else if (change.role === 'certificate' && live !== undefined && now.includes(live.sha256)) {
      const [next] = readable(change.contents)
      if (next === undefined || behind.includes(next.sha256)) continue
      const read = files.filter((file) => file.change === undefined).map((file) => file.path)
      throw new WaxsealError('PATH_NOT_READ', { path: key, certificate: path, read: read.join(', ') })
    }
  }
}

/** With a line's end between them: a PEM file may end without. */
function joined(files: readonly (Uint8Array | null)[]): Buffer {
  return Buffer.concat(files.flatMap((file) => (file === null ? [] : [file, Buffer.from('\n')])))
}
