import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Writes a text file that need not survive a crash. */
export async function writeText(path: string, text: string, mode = 0o644): Promise<void> {
  await writeFile(path, text, { mode })
  await chmod(path, mode)
}

/** Makes a folder with its parents. */
export async function makeFolder(path: string, owner?: { readonly uid: number; readonly gid: number }): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 })
  await chmod(path, 0o755)
  if (owner !== undefined) await chown(path, owner.uid, owner.gid)
}

/** Gives what is there to this account. */
export async function giveTo(path: string, owner: { readonly uid: number; readonly gid: number }): Promise<void> {
  await chown(path, owner.uid, owner.gid)
}

/** A new folder below the system's temporary one, which every user may enter. */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  await chmod(path, 0o755)
  return path
}

/** Copies what is in a folder and has a matching name. */
export async function copyMatching(from: string, to: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(from))
    if (pattern.test(name)) await cp(join(from, name), join(to, name), { recursive: true })
}

/** Removes a folder with all that is in it. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}

/** The ports that this process has handed out: who got one may not listen yet. */
const handedOut = new Set<number>()

/** Loopback ports that are free now; none twice. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = (await openPorts(count)).filter((port) => !handedOut.has(port))
  for (const port of ports) handedOut.add(port)
  return ports.length === count ? ports : [...ports, ...(await freePorts(count - ports.length))]
}

async function openPorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          })
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
