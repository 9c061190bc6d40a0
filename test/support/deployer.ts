import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import {
  type AnswerTo,
  type Ask,
  lineOf,
  longestDocument,
  readAnswer,
  type ToldError,
} from '../../src/documents/ask.ts'
import type { DeploymentJob } from '../../src/documents/job.ts'
import { readShownHost } from '../../src/documents/read-shown-host.ts'
import type { ShownHost } from '../../src/documents/shown-host.ts'
import { makeTemporaryFolder } from '../../src/host/file/plain-files.ts'
import { askLine } from '../../src/host/socket/line-socket.ts'
import { parsePrivateKey } from '../../src/material/parse-key.ts'
import { makeAuthority, type TestAuthority, type TestPair } from './certificates.ts'
import { startWaxseal, type WaxsealProcess } from './process.ts'
import { removeWhenQuiet } from './remove-when-quiet.ts'

type Answered<A extends Ask> = AnswerTo[A['ask']] | { readonly error: ToldError }

/** A deployer in a process of its own, with targets that are files of one service, and a courier that the test plays. */
export interface TestDeployer {
  readonly dir: string
  readonly stateDir: string
  readonly socket: string
  readonly authority: TestAuthority
  /** Writes the configuration again; `changes` differ from the usual one. */
  configure(changes?: object): Promise<void>
  /** Starts the process, and waits until it can be asked. */
  start(): Promise<WaxsealProcess>
  ask<A extends Ask>(ask: A): Promise<Answered<A>>
  /** The answer; throws where it is an error. */
  answer<A extends Ask>(ask: A): Promise<AnswerTo[A['ask']]>
  /** What waits when no work is under way any more. */
  settled(): Promise<AnswerTo['answers']>
  job(id: string, changes?: Partial<DeploymentJob>): DeploymentJob
  /** The pair with its key in the key store. */
  pair(names?: readonly string[]): Promise<TestPair>
  keep(pair: TestPair): Promise<void>
  view(): Promise<ShownHost | null>
}

/** The folder of the files of a target. */
export function filesOf(dir: string, target: string): { readonly cert: string; readonly key: string } {
  return { cert: join(dir, 'tls', `${target}.crt`), key: join(dir, 'tls', `${target}.key`) }
}

/** Opens a state folder, and starts nothing. */
export async function openDeployer(t: Test): Promise<TestDeployer> {
  const dir = await makeTemporaryFolder('waxseal-deployer-')
  t.teardown(() => removeWhenQuiet(dir))
  const stateDir = join(dir, 'state')
  const socket = join(dir, 'deploy.sock')
  await mkdir(join(dir, 'tls'), { mode: 0o755 })
  const authority = await makeAuthority()
  const running = new Set<WaxsealProcess>()
  t.teardown(async () => {
    for (const one of running) one.kill('SIGKILL')
    await Promise.all([...running].map(({ exited }) => exited))
  })
  const configure = (changes: object = {}): Promise<void> =>
    writeFile(
      join(dir, 'waxseal.yaml'),
      JSON.stringify({ state_dir: stateDir, policy: { roots: [dir], commands: ['true', 'false'] }, ...changes }),
    )
  await configure()
  const asking = { timeoutMs: 60_000, maxBytes: longestDocument }
  const ask = async <A extends Ask>(one: A): Promise<Answered<A>> =>
    readAnswer(one.ask, await askLine(socket, lineOf(one), asking)) as Answered<A>
  const answer = async <A extends Ask>(one: A): Promise<AnswerTo[A['ask']]> => {
    const answered = await ask(one)
    if ('error' in answered) throw new Error(`${one.ask}: ${JSON.stringify(answered.error)}`)
    return answered
  }
  return {
    dir,
    stateDir,
    socket,
    authority,
    configure,
    ask,
    answer,
    start: async () => {
      const process = startWaxseal(['deployer', '--config', join(dir, 'waxseal.yaml'), '--socket', socket])
      running.add(process)
      await process.waitFor(({ msg }) => msg === 'deployer starts')
      while (!(await isThere(socket))) await new Promise((resolve) => setTimeout(resolve, 20))
      return process
    },
    settled: async () => {
      let seen: string | null = null
      for (;;) {
        const answers: AnswerTo['answers'] = await answer({ ask: 'answers', seen, after: null, waitMs: 20_000 })
        if (!answers.isBusy) return answers
        seen = answers.stamp
      }
    },
    job: (id, changes = {}) => {
      const { targetId = 'web' } = changes
      const { cert, key } = filesOf(dir, targetId)
      return {
        kind: 'deployment',
        id,
        certificateId: 'mc-1',
        targetId,
        targetType: 'files',
        targetConfig: {
          service: targetId,
          files: [
            { path: cert, format: 'fullchain' },
            { path: key, format: 'key' },
          ],
          reload_command: 'true',
        },
        ...changes,
      }
    },
    pair: (names = ['mail.example.net']) => authority.issue({ names: [...names] }),
    keep: async ({ keyPem }) => {
      const { spkiSha256 } = parsePrivateKey(keyPem)
      await mkdir(join(stateDir, 'keys'), { recursive: true, mode: 0o700 })
      await writeFile(join(stateDir, 'keys', `${spkiSha256}.pem`), keyPem, { mode: 0o600 })
    },
    view: () => readShownHost(stateDir),
  }
}

async function isThere(socket: string): Promise<boolean> {
  const line = lineOf({ ask: 'answers', seen: null, after: null, waitMs: 0 })
  return askLine(socket, line, { timeoutMs: 60_000, maxBytes: longestDocument }).then(
    () => true,
    () => false,
  )
}

/** That every one of these reports was taken. */
export function allTaken(answers: AnswerTo['answers']): Ask & { readonly ask: 'delivered' } {
  const reports = answers.reports.map(({ id, digest }) => ({ id, digest, fate: 'taken', refusal: null }) as const)
  return { ask: 'delivered', reports, requests: [] }
}
