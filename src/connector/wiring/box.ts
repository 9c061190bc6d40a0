import type { Command } from '../../plan/plan.ts'

/** A daemon in a container: what its commands are run by, and where its folders are on this host. */
export interface Box {
  readonly run: Command
  readonly paths: readonly { readonly inside: string; readonly outside: string }[]
}

/** Where a path of the daemon's is on this host; null: it is in none of the folders that the two share. */
export function outsideOf(path: string, { paths }: Box): string | null {
  return moved(
    path,
    paths.map(({ inside, outside }) => [inside, outside]),
  )
}

/** What the daemon calls a path of this host's; itself where the two do not share it. */
export function insideOf(path: string, { paths }: Box): string {
  const found = moved(
    path,
    paths.map(({ inside, outside }) => [outside, inside]),
  )
  return found ?? path
}

/** The longest folder counts. */
function moved(path: string, folders: readonly (readonly [from: string, to: string])[]): string | null {
  const [found] = folders
    .filter(([from]) => path === from || path.startsWith(`${from}/`))
    .toSorted(([one], [other]) => other.length - one.length)
  return found === undefined ? null : found[1] + path.slice(found[0].length)
}

/** A path of the daemon's as this host has it; one that it has not, as text that is no path. */
export function shownOutside(path: string, box: Box): string {
  if (!path.startsWith('/')) return path
  return outsideOf(path, box) ?? `${box.run.join(' ')}: ${path}`
}

/** A command as it is run inside. What is no program speaks to a socket of this host. */
export function inBox(command: Command, { run }: Box): Command {
  return command[0].startsWith('waxseal:') ? command : [...run, ...command]
}
