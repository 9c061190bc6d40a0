import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startWaxseal } from '../support/process.ts'

t.test('the demo shows a deployment, an unchanged one and a rollback, ends with 0 and leaves nothing', async (t) => {
  const dir = await temporary(t)

  const demo = startWaxseal(['demo'], { TMPDIR: dir })

  t.equal(await demo.exited, 0)
  const said = demo.lines.map(({ text }) => text).join('\n')
  t.match(said, /Completed, deployed\./)
  t.match(said, /Completed, unchanged\./)
  t.match(said, /Failed, rolled-back\..* the old leaf was seen on/)
  t.match(said, /All of it happened/)
  t.same(await readdir(dir), [])
  t.same(await processesWith(dir), [])
})

for (const [moment, line] of [
  ['while the daemons start', /^1\. /],
  ['while the agent works', /^3\. /],
] as const) {
  t.test(`Ctrl-C ${moment}, and once more in the clean-up, ends the demo with 1 and leaves nothing`, async (t) => {
    const dir = await temporary(t)
    const demo = startWaxseal(['demo'], { TMPDIR: dir })
    await demo.waitFor(({ text }) => line.test(String(text)))

    demo.kill('SIGINT')
    await demo.waitFor(({ text }) => String(text).startsWith('The demo ended early'))
    demo.kill('SIGINT')

    t.equal(await demo.exited, 1)
    t.match(demo.lines.at(-1), { text: 'The demo ended early: it was interrupted.' })
    t.same(await readdir(dir), [])
    t.same(await processesWith(dir), [])
  })
}

/** Not below the checkout: the names of Postfix's sockets are bounded. */
async function temporary(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'waxseal-'))
  await chmod(dir, 0o755)
  t.teardown(() => rm(dir, { recursive: true }))
  return dir
}

/** The command lines of the processes that work below a folder. */
async function processesWith(dir: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter((line) => line.includes(dir))
}
