import { cp, mkdir, mkdtemp, readdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { keysOfJob } from '../../src/deployer/key/key-of-job.ts'
import { removeTree } from '../../src/host/file/plain-files.ts'
import { openKeyParts } from '../support/key-parts.ts'
import { fileCalls, isChange, startHeld } from './support/held-run.ts'
import { type KeysAnswer, keyJobs } from './support/key-jobs.ts'
import { whyNoStrace } from './support/strace.ts'

const program = fileURLToPath(new URL('support/make-keys-program.ts', import.meta.url))
/** A file that is written has another name until it is whole: in between nothing changes that anybody reads. */
const naming = fileCalls.filter((name) => /^(?:rename|link|unlink)/.test(name))
/** Five jobs, of one to five files each, and a key has two names for a moment. */
const fewestPoints = 20

t.setTimeout(600_000)

if (platform() === 'linux') await killWhileChoosing()
else t.comment(`strace(1) is for Linux, and this is ${platform()}: nothing is killed here`)

async function killWhileChoosing(): Promise<void> {
  const why = await whyNoStrace()
  if (why !== null) {
    t.fail(why)
    return
  }
  const base = await realpath(await mkdtemp(join(tmpdir(), 'wx-keys-')))
  t.teardown(() => removeTree(base))
  const [folder, answers] = [join(base, 'state'), join(base, 'answers')]
  await mkdir(folder)
  await writeFile(answers, '')
  const points: { readonly line: string; readonly saved: string; readonly told: readonly KeysAnswer[] }[] = []
  const { exited, said } = startHeld({
    argv: [process.execPath, program, folder, answers],
    watched: naming,
    isOurs: (call) => isChange(call, folder),
    onHeld: async ({ line }) => {
      const saved = join(base, String(points.length))
      await cp(folder, saved, { recursive: true })
      points.push({ line, saved, told: linesOf(await readFile(answers, 'utf8')) })
      return 'go on'
    },
  })
  t.equal(await exited, 0, said())

  await t.test(
    'killed after anything that it makes, renames or removes, the deployer gives no job a second key, and loses none',
    async (t) => {
      t.ok(points.length >= fewestPoints, `it is killed where it should be: ${points.length} times`)
      for (const { line, saved, told } of points) t.same(await problemsIn(saved, told), [], line)
    },
  )
}

function linesOf(text: string): readonly KeysAnswer[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KeysAnswer)
}

/** All jobs come once more, as those do whose CSR was not taken. */
async function problemsIn(folder: string, told: readonly KeysAnswer[]): Promise<readonly string[]> {
  const parts = await openKeyParts(folder)
  const again: KeysAnswer[] = []
  for (const job of keyJobs) {
    const { key, next } = await keysOfJob(job, parts)
    again.push({ job: job.id, spki: key.spkiSha256, next })
  }
  const files = (await readdir(join(folder, 'keys'))).filter((name) => name.endsWith('.pem'))
  const [first, second, third, fourth, fifth] = again
  const rotated = [first, second, fourth, fifth].map((answer) => answer?.spki)
  const announced = told.at(-1)
  return [
    ...told.flatMap(({ job, spki }) =>
      again.some((one) => one.job === job && one.spki === spki) ? [] : [`${job} has another key`],
    ),
    ...(new Set(rotated).size === 4 ? [] : ['a rotation has taken a key twice']),
    ...(third?.spki === second?.spki ? [] : ['reuse has another key']),
    ...(announced?.job !== 'job-1' || announced.next === second?.spki ? [] : ['the next key was not taken']),
    ...(announced?.job !== 'job-4' || announced.next === fifth?.spki
      ? []
      : ['the next key of another kind was not taken']),
    ...told
      .flatMap(({ spki, next }) => [spki, next])
      .flatMap((spki) => (spki === null || files.includes(`${spki}.pem`) ? [] : [`${spki} is lost`])),
    // Four of the jobs, two made ahead that none took, and what the kill left.
    ...(files.length <= 7 ? [] : [`${files.length} keys were made`]),
  ]
}
