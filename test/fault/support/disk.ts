import { mkdir } from 'node:fs/promises'
import { isRoot } from '../../../src/host/host-facts.ts'
import { runCommand } from '../../../src/host/process/command.ts'
import { unlessInstalled } from '../../support/daemons.ts'

/** A file system of a test's own, in an image file, whose power can be cut. */
export interface Disk {
  /** Where it is mounted. */
  readonly path: string
  mount(): Promise<void>
  unmount(): Promise<void>
  /** Keeps what is on it, unmounted, as what `reset` comes back to. */
  keep(): Promise<void>
  reset(): Promise<void>
}

/** Why no file system can be mounted on this machine, in a sentence; false: it can. */
export async function unlessMountable(folder: string): Promise<string | false> {
  const missing = unlessInstalled('strace', 'mkfs.ext4', 'mount', 'python3')
  if (!isRoot() || missing !== false) return missing === false ? 'only root can mount' : missing
  const disk = await makeDisk(`${folder}/trial.img`, `${folder}/trial`)
  try {
    await disk.mount()
    await cutPower([disk])
    return false
  } catch (error) {
    return `an ext4 image cannot be mounted and shut down here: ${(error as Error).message}`
  } finally {
    await disk.unmount().catch(() => {})
  }
}

/** Makes an ext4 image of 8 MiB, with a journal that nothing but fsync writes out. */
export async function makeDisk(image: string, path: string): Promise<Disk> {
  await mkdir(path, { recursive: true })
  await must('truncate', '--size=8M', image)
  await must('mkfs.ext4', '-q', image)
  return {
    path,
    mount: () => must('mount', '-o', 'loop,commit=600', image, path),
    unmount: () => must('umount', path),
    keep: () => must('cp', '--sparse=always', image, `${image}.kept`),
    reset: () => must('cp', '--sparse=always', `${image}.kept`, image),
  }
}

/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: what is not on the disk by now never will be. */
const shutdown = [
  'import fcntl, os, struct, sys',
  'for path in sys.argv[1:]:',
  "  fcntl.ioctl(os.open(path, os.O_RDONLY), 0x8004587d, struct.pack('I', 2))",
].join('\n')

/** Cuts the power of these disks; they are to be unmounted next. */
export async function cutPower(disks: readonly Pick<Disk, 'path'>[]): Promise<void> {
  await must('/usr/bin/python3', '-c', shutdown, ...disks.map(({ path }) => path))
}

/** Mounts a tmpfs with these options. */
export async function mountMemory(path: string, options: string): Promise<void> {
  await mkdir(path, { recursive: true })
  // Of itself it would be everybody's to write.
  await must('mount', '-t', 'tmpfs', '-o', `mode=0755,${options}`, 'tmpfs', path)
}

/** Mounts what is at `path` anew with these options: `ro`, `size=16m`. */
export async function remount(path: string, options: string): Promise<void> {
  await must('mount', '-o', `remount,${options}`, path)
}

/** Unmounts what is at `path`. */
export async function unmount(path: string): Promise<void> {
  await must('umount', path)
}

/** Runs a command of the system; throws with its output when it fails. */
export async function must(program: string, ...args: readonly string[]): Promise<void> {
  const { exitCode, output } = await runCommand([program, ...args], { timeoutMs: 60_000 })
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')}: ${output}`)
}
