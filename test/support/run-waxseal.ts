import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { root } from '../../packaging/root.ts'
import { register } from '../../src/control-plane/register.ts'
import { hostFacts, isRoot } from '../../src/host/host-facts.ts'
import { builtProgram } from './built-program.ts'
import { startWaxseal, withoutRunner } from './process.ts'

/** What one command line said, and how it ended. */
export interface Ran {
  /** The exit status, or the signal that ended it. */
  readonly status: number | string
  readonly stdout: string
  readonly stderr: string
}

/** Runs `waxseal` with these arguments to its end. */
export async function runWaxseal(args: readonly string[]): Promise<Ran> {
  return run([process.execPath, builtProgram, ...args])
}

const asNobody = 'mount --bind "$0" /mnt && cd /mnt && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'

/** The same as a user who is not root: this one, or one without any right. */
export async function runWaxsealAsNobody(args: readonly string[]): Promise<Ran> {
  // What the test runner has each child process load writes where no other user may.
  const bare = ['env', '-i', `PATH=${process.env['PATH'] ?? ''}`] as const
  if (!isRoot()) return run([...bare, process.execPath, builtProgram, ...args])
  // The checkout may be in a folder of root's own: it is there as /mnt, too.
  const [node, program] = [process.execPath, builtProgram].map((path) => path.replace(`${root}/`, '/mnt/'))
  return run(['unshare', '--mount', 'sh', '-c', asNobody, root, ...bare, node ?? '', program ?? '', ...args])
}

async function run([file, ...args]: readonly [string, ...string[]]): Promise<Ran> {
  const env = { PATH: process.env['PATH'] }
  const child = spawn('env', [...withoutRunner(), file, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ])
  return { status: code ?? signal ?? 'unknown', stdout, stderr }
}

/** What each of these command lines writes, run one after the other in one process: so many of their own take a minute. */
export async function runTogether(lines: readonly (readonly string[])[]): Promise<readonly string[]> {
  const program = fileURLToPath(new URL('run-together-program.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(lines)])
  return JSON.parse(stdout) as readonly string[]
}

/** The one JSON document that is all of stdout; throws where it is not. */
export function jsonOf<Document = Readonly<Record<string, unknown>>>({ stdout }: Ran): Document {
  return JSON.parse(stdout) as Document
}

/** `waxseal control-plane serve` in a process, and what its clients need. */
export interface ServedControlPlane {
  readonly dataDir: string
  readonly url: string
  readonly caFile: string
  /** Runs an operator's command on it. */
  operate(...args: readonly string[]): Promise<Ran>
  /** A new token for `waxseal enroll`. */
  token(): Promise<string>
  /** Registers an agent of this name, which calls nothing. */
  register(name: string): Promise<void>
  close(): Promise<void>
}

/** Serves a control plane whose data is below `dir`, on a free port. */
export async function serveControlPlane(dir: string): Promise<ServedControlPlane> {
  const dataDir = join(dir, 'control-plane')
  const server = startWaxseal(['control-plane', 'serve', '--data-dir', dataDir, '--listen', '127.0.0.1:0'])
  await server.waitFor(({ text: line }) => String(line).startsWith('The control plane listens'))
  const operate = (...args: readonly string[]): Promise<Ran> =>
    runWaxseal(['control-plane', ...args, '--data-dir', dataDir])
  const url = (await readFile(join(dataDir, 'url'), 'utf8')).trim()
  const caFile = join(dataDir, 'ca.pem')
  const token = async () => jsonOf<{ readonly token: string }>(await operate('token', '--json')).token
  return {
    dataDir,
    operate,
    url,
    caFile,
    token,
    register: async (name) => {
      const ca = await readFile(caFile, 'utf8')
      await register({ url, ca, credential: await token() }, name, hostFacts('0.0.0'))
    },
    close: async () => {
      server.kill('SIGTERM')
      await server.exited
    },
  }
}
