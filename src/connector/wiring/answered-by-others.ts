import type { Material } from '../../material/material.ts'
import type { PlannedFile } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import type { Listener } from './wiring.ts'

const mostNames = 5

/**
 * Names of the new certificate that are answered with another pair where it is the one for all other names: a sentence for each such
 * pair, unless it is the new one already.
 */
export async function answeredByOthers(
  { readers, listeners, files }: Answers,
  { leaf }: Material,
  host: Pick<HostView, 'readFile'>,
): Promise<readonly string[]> {
  const defaults = new Set(readers.filter(({ servername }) => servername === null).map(addressOf))
  const covered = (name: string): boolean =>
    leaf.names
      .map((own) => own.toLowerCase())
      .some((own) => [name, name.replace(/^[^.]+/, '*')].includes(own) || own.replace(/^[^.]+/, '*') === name)
  const names = new Map<string, { readonly paths: readonly string[]; readonly servernames: Set<string> }>()
  for (const listener of listeners) {
    const { servername } = listener
    if (servername === null || !covered(servername)) continue
    if (readers.includes(listener) || !defaults.has(addressOf(listener))) continue
    const paths = listener.files.flatMap(({ path, role }) => (role === 'key' ? [] : [path]))
    const { servernames } = names.get(paths.join('\0')) ?? { servernames: new Set() }
    names.set(paths.join('\0'), { paths, servernames: servernames.add(servername) })
  }
  const told = [...names.values()].map(async ({ paths, servernames }) => {
    const contents = await Promise.all(paths.map((path) => host.readFile(path).catch(() => null)))
    const isNew = contents.some(
      (bytes) => bytes !== null && files.some((file) => Buffer.from(bytes).equals(file.contents)),
    )
    if (isNew) return []
    // Of a list of files the settings do not say which is which.
    const at = contents.findIndex((bytes) => bytes !== null && Buffer.from(bytes).includes('-----BEGIN CERTIFICATE'))
    const some = [...servernames].slice(0, mostNames).join(', ')
    const path = paths[Math.max(at, 0)] ?? 'another pair'
    return [`Clients that ask for ${some} are shown ${path} in place of this pair, and that is not replaced with it.`]
  })
  return (await Promise.all(told)).flat()
}

/** Who shows the planned pair, all who listen, and what is planned. */
export interface Answers {
  readonly readers: readonly Listener[]
  readonly listeners: readonly Listener[]
  readonly files: readonly PlannedFile[]
}

function addressOf({ host, port }: Listener): string {
  return `${host} ${port}`
}
