import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../../packaging/root.ts'

/** The last commit of version 0.1, in which one process did everything. */
export const formerCommit = 'd9e1b8b'

const run = promisify(execFile)
const git = ['-c', 'safe.directory=*', '-C', root] as const
/** Of what it used, this is not installed any more; drift watches alone asked it. */
const noCron = 'export class Cron {}\n'

/** Fails where the history has no version 0.1. A shallow clone has none of the past: it is fetched from where the clone came from. */
export async function requireFormer(): Promise<void> {
  const isThere = (): Promise<boolean> =>
    run('git', [...git, 'cat-file', '-e', `${formerCommit}^{commit}`]).then(
      () => true,
      () => false,
    )
  if (await isThere()) return
  await run('git', [...git, 'fetch', '--quiet', '--unshallow']).catch(() => '')
  if (!(await isThere()))
    throw new Error(
      `The history has no ${formerCommit}, the last commit of version 0.1: run "git fetch --unshallow" first.`,
    )
}

/** Puts the source of version 0.1 into a folder below the repository, whose packages it finds there. Returns its main file. */
export async function formerProgram(folder: string): Promise<string> {
  await requireFormer()
  const archive = join(folder, 'former.tar')
  await run('git', [...git, 'archive', `--output=${archive}`, formerCommit, 'src', 'package.json'])
  await run('tar', ['-xf', archive, '-C', folder])
  const cron = join(folder, 'node_modules', 'croner')
  await mkdir(cron, { recursive: true })
  await writeFile(join(cron, 'package.json'), '{ "name": "croner", "type": "module", "exports": "./index.js" }')
  await writeFile(join(cron, 'index.js'), noCron)
  return join(folder, 'src', 'main.ts')
}
