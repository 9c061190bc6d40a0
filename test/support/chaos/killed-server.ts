import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { startWaxseal, type WaxsealProcess } from '../process.ts'

const clock = fileURLToPath(new URL('jumping-clock.ts', import.meta.url))

/** Where a server keeps its data. */
export interface KilledServerPlaces {
  readonly dataDir: string
  readonly database?: string
  /** As `--ca-dir`. */
  readonly caDir?: string
  /** As `--config`. */
  readonly configFile?: string
  /**
   * The file that its clock is read from. It is put right before each start: the server's own certificate is of that time, and its
   * clients have the right one.
   */
  readonly clockFile?: string
}

/** `waxseal control-plane serve` as a process of its own that is killed and comes again, at another port each time. */
export interface KilledServer {
  /** Where it listens, or listened last. */
  readonly url: string
  /** SIGKILL, as where the power fails. */
  kill(): Promise<void>
  /** SIGTERM: resolves when it has finished what it had, and ended with 0. */
  end(): Promise<void>
  /** Resolves when it listens; tries again while its database is away. */
  start(): Promise<void>
}

const mostTries = 200

/** Starts one, which ends with the test. */
export async function startKilledServer(t: Test, places: KilledServerPlaces): Promise<KilledServer> {
  const { dataDir, database, caDir, configFile, clockFile } = places
  const args = ['control-plane', 'serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0']
  const more = [
    ...(database === undefined ? [] : ['--database', database]),
    ...(caDir === undefined ? [] : ['--ca-dir', caDir]),
    ...(configFile === undefined ? [] : ['--config', configFile]),
  ]
  const env = clockFile === undefined ? {} : { NODE_OPTIONS: `--import=${clock}`, WAXSEAL_TEST_CLOCK: clockFile }
  let server: WaxsealProcess | null = null
  let url = ''
  const kill = async (): Promise<void> => {
    server?.kill('SIGKILL')
    await server?.exited
  }
  const end = async (): Promise<void> => {
    server?.kill('SIGTERM')
    const status = await server?.exited
    if (status === 0) return
    throw new Error(`a server that is to end ends with ${status}:\n${JSON.stringify(server?.lines.slice(-8), null, 1)}`)
  }
  const start = async (): Promise<void> => {
    if (clockFile !== undefined) await writeFile(clockFile, '0')
    for (let tries = 1; ; tries += 1) {
      server = startWaxseal([...args, ...more], env)
      try {
        const { text } = await server.waitFor(({ text: line }) => /listens at /.test(String(line)))
        url = /listens at (https:\/\/[^;]+);/.exec(String(text))?.[1] ?? ''
        return
      } catch (error) {
        if (tries === mostTries) throw error
      }
    }
  }
  t.teardown(kill)
  await start()
  return {
    get url() {
      return url
    },
    kill,
    end,
    start,
  }
}
