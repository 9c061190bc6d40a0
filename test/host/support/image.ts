import { join } from 'node:path'
import { root } from '../../../packaging/root.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { startProcess, type WaxsealProcess } from '../../support/process.ts'
import { baseImage } from './base-image.ts'
import { run } from './run.ts'

/** The image of the Dockerfile, with a container of it whose network is this machine's. */
export interface Image {
  /** What the image itself says of how it is run, as Docker's configuration has it. */
  readonly config: ImageConfig
  /** Starts what the image starts, or its program with other arguments; each folder is mounted: `from:to`. */
  start(folders: readonly string[], args?: readonly string[]): WaxsealProcess
  /** Tells the program to stop, as the image says it wants to be told; the exit of what was started follows. */
  stop(): Promise<void>
  /** Runs the health check of the image in the container; throws where it fails. */
  checkHealth(): Promise<void>
  remove(): Promise<void>
}

interface ImageConfig {
  readonly User: string
  readonly Entrypoint: readonly [string, ...string[]]
  readonly Cmd: readonly string[]
  readonly StopSignal: string
  readonly Healthcheck: { readonly Test: readonly string[] }
  readonly Volumes: Readonly<Record<string, object>>
}

/** Builds it from `dist/` with buildah(1), on the fresh Debian of the tests; nothing comes from a registry. Needs root. */
export async function openImage(): Promise<Image> {
  const store = await makeTemporaryFolder('waxseal-image-')
  const folders = ['--root', join(store, 'root'), '--runroot', join(store, 'run')]
  const buildah = ['buildah', '--storage-driver', 'overlay', ...folders] as const
  const base = (await run([...buildah, 'from', 'scratch'])).trim()
  await run([...buildah, 'add', '--quiet', base, await baseImage('bookworm'), '/'])
  await run([...buildah, 'commit', '--quiet', '--rm', base, 'localhost/debian'])
  const options = [
    '--isolation',
    'chroot',
    '--format',
    'docker',
    '--pull=never',
    '--build-arg',
    'BASE=localhost/debian',
  ]
  await run([...buildah, 'build', ...options, '--tag', 'localhost/waxseal', root])
  const container = (await run([...buildah, 'from', '--pull=never', 'localhost/waxseal'])).trim()
  const inside = [...buildah, 'run', '--isolation', 'chroot'] as const
  const { Docker } = JSON.parse(await run([...buildah, 'inspect', container])) as {
    readonly Docker: { readonly config: ImageConfig }
  }
  const { config } = Docker
  return {
    config,
    start: (mounts, args = config.Cmd) => {
      const volumes = mounts.flatMap((mount) => ['--volume', mount])
      return startProcess([...inside, ...volumes, container, '--', ...config.Entrypoint, ...args])
    },
    // With this isolation there is no first process of the container that buildah would pass a signal on to.
    stop: async () => {
      await run([
        'pkill',
        '--signal',
        config.StopSignal,
        '--uid',
        config.User.split(':')[0] ?? '',
        '--full',
        `^${config.Entrypoint[0]}`,
      ])
    },
    checkHealth: async () => {
      await run([...inside, container, '--', ...config.Healthcheck.Test.slice(1)])
    },
    remove: async () => {
      // What a test that failed has left running; most have nothing to find.
      await run(['pkill', '--signal', 'KILL', '--uid', config.User.split(':')[0] ?? '']).catch(() => '')
      await run([...buildah, 'rm', '--all'])
      await run([...buildah, 'rmi', '--all'])
      await removeTree(store)
    },
  }
}
