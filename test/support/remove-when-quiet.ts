import { readdir, readFile, readlink } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/host/clock.ts'
import { removeTree } from '../../src/host/file/plain-files.ts'

const limitMs = 30_000

/**
 * Removes a folder when no process works in it any more: a daemon's `stop` and the kill of an agent end before their children do,
 * and these still write. Throws with the processes that stay.
 */
export async function removeWhenQuiet(dir: string): Promise<void> {
  const deadline = systemClock.now() + limitMs
  for (let left = await processesIn(dir); left.length > 0; left = await processesIn(dir)) {
    if (systemClock.now() > deadline) throw new Error(`these still work in ${dir}:\n${left.join('\n')}`)
    await systemClock.sleep(20)
  }
  await removeTree(dir)
}

/** The other processes that were started with this folder, stand in it, or hold a file of it open: a line each. */
async function processesIn(dir: string): Promise<readonly string[]> {
  if (platform() !== 'linux') return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const [command, places] = await Promise.all([commandOf(pid), placesOf(pid)])
      const isIn = command.includes(dir) || places.some((place) => place === dir || place.startsWith(`${dir}/`))
      return isIn ? [`${pid} ${command}`] : []
    }),
  )
  return lines.flat()
}

/** Empty: it is gone. */
async function commandOf(pid: string): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()
}

async function placesOf(pid: string): Promise<readonly string[]> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const links = ['cwd', ...files.map((name) => join('fd', name))]
  return Promise.all(links.map((name) => readlink(join('/proc', pid, name)).catch(() => '')))
}
