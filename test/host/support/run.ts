import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs an argv and returns what it printed; throws with all of it where it fails. */
export async function run(argv: readonly [string, ...string[]]): Promise<string> {
  const [program, ...args] = argv
  try {
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024, env: environment })
    return stdout
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${argv.join(' ')}: ${(error as Error).message}\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** The whole environment of a command. */
export const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  DEBIAN_FRONTEND: 'noninteractive',
}
