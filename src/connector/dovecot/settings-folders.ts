import type { HostView } from '../host-view.ts'

/** A folder in which files of the settings are, and what those of them say that could be read: null where not all could. */
interface SettingsFolder {
  readonly path: string
  readonly text: string | null
}

const mostFiles = 50

/**
 * Turns a path that Dovecot reads relative to the file it stands in into an absolute one, for doveconf(1) does not say which
 * file that is: by the folders of the settings and of what they include, and by what is there. Null: it cannot be told.
 */
export async function absolutePaths(
  host: HostView,
  main: string | null,
  relative: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  if (relative.length === 0 || main === null) return new Map()
  const folders = await settingsFolders(host, main)
  const entries = [...new Set(relative)].map(async (path) => {
    const possible = folders.filter(({ text }) => text === null || text.includes(path))
    const paths = [...new Set(possible.map((folder) => `${folder.path}/${path}`))]
    const areThere = await Promise.all(paths.map((one) => host.exists(one)))
    const there = paths.filter((_, index) => areThere[index] === true)
    const candidates = there.length === 0 ? paths : there
    return [path, candidates.length === 1 ? (candidates[0] ?? null) : null] as const
  })
  return new Map(await Promise.all(entries))
}

/** Files that are included by a pattern cannot be listed from here: of their folder alone is known where it is. */
async function settingsFolders(host: HostView, main: string): Promise<readonly SettingsFolder[]> {
  const folders: SettingsFolder[] = []
  const files = [main]
  for (let next = 0; next < Math.min(files.length, mostFiles); next += 1) {
    const file = files[next] ?? main
    const bytes = await host.readFile(file).catch(() => null)
    const text = bytes === null ? null : new TextDecoder().decode(bytes)
    const path = folderOf(file)
    folders.push({ path, text })
    for (const [, written = ''] of (text ?? '').matchAll(/^[ \t]*!include(?:_try)?[ \t]+(\S+)/gm)) {
      const included = written.startsWith('/') ? written : `${path}/${written}`
      if (!/[*?[{]/.test(included)) files.push(included)
      else if (!/[*?[{]/.test(folderOf(included))) folders.push({ path: folderOf(included), text: null })
    }
  }
  return folders
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0))
}
