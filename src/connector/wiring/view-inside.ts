import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { type Box, outsideOf } from './box.ts'

const mostBytes = 1024 * 1024

/**
 * What a daemon in a container sees: shared folders are read on this host, anything else by `cat`, `ls`, `readlink` and `stat`
 * inside. Addresses are this host's, for it is from here that a listener is looked at.
 */
export function viewInside(host: HostView, box: Box): HostView {
  const run = (command: Command) => host.run([...box.run, ...command])
  const ask = async (command: Command): Promise<string | null> => {
    const { exitCode, stdout } = await run(command)
    return exitCode === 0 ? stdout : null
  }
  /** Null: the path is inside alone. */
  const shared = (path: string): string | null => (path.startsWith('/proc/self/') ? path : outsideOf(path, box))
  return {
    ...host,
    run,
    readFile: async (path) => {
      const outside = shared(path)
      if (outside !== null) return host.readFile(outside)
      const text = await ask(['cat', path])
      const bytes = text === null ? null : new TextEncoder().encode(text)
      return bytes !== null && bytes.length > mostBytes ? null : bytes
    },
    exists: async (path) => {
      const outside = shared(path)
      return outside === null ? (await ask(['test', '-f', path])) !== null : host.exists(outside)
    },
    list: async (path) => {
      const outside = shared(path)
      if (outside !== null) return host.list(outside)
      const names = await ask(['ls', '-1', '-A', path])
      return names === null ? null : names.split('\n').filter((name) => name !== '')
    },
    identity: async (path) => {
      const outside = shared(path)
      if (outside !== null) return host.identity(outside)
      // A link of the container's own may lead into a shared folder.
      const real = (await ask(['readlink', '-f', path]))?.trim() ?? path
      const target = shared(real)
      return target === null ? `${box.run.join(' ')}: ${real}` : host.identity(target)
    },
    inode: async (path) => {
      const outside = shared(path)
      return outside === null ? null : host.inode(outside)
    },
    mode: async (path) => {
      const outside = shared(path)
      if (outside !== null) return host.mode(outside)
      const octal = await ask(['stat', '-c', '%a', path])
      return octal === null || !/^[0-7]{1,4}\s*$/.test(octal) ? null : Number.parseInt(octal, 8)
    },
  }
}
