import type { Material } from '../material/material.ts'
import type { PlannedFile } from '../plan/plan.ts'
import type { HostView } from './connector.ts'
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
    leaf.names.some((own) => [name, name.replace(/^[^.]+/, '*')].includes(own.toLowerCase()))
  const names = new Map<string, Set<string>>()
  for (const listener of listeners) {
    const { servername } = listener
    const certificate = listener.files.find(({ role }) => role !== 'key')?.path
    if (servername === null || certificate === undefined || !covered(servername)) continue
    if (readers.includes(listener) || !defaults.has(addressOf(listener))) continue
    names.set(certificate, (names.get(certificate) ?? new Set()).add(servername))
  }
  const told = [...names].map(async ([path, servernames]) => {
    const bytes = await host.readFile(path).catch(() => null)
    const isNew = bytes !== null && files.some(({ contents }) => Buffer.from(bytes).equals(contents))
    const some = [...servernames].slice(0, mostNames).join(', ')
    return isNew
      ? []
      : [`Clients that ask for ${some} are shown ${path} in place of this pair, and that is not replaced with it.`]
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
