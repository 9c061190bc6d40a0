import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Engine } from '../../../src/deployer/engine.ts'
import { recover } from '../../../src/deployer/recover.ts'
import { isRoot } from '../../../src/host/host-facts.ts'
import { openTestEngine } from '../../support/deployment.ts'

const asRoot = { skip: isRoot() ? false : 'only root can give files away' }
const nobody = 65_534

const foreign: Readonly<Record<string, (path: string, dir: string) => void>> = {
  'a link to a file': (path, dir) => symlinkSync(join(dir, 'precious'), path),
  'a dangling link': (path, dir) => symlinkSync(join(dir, 'nowhere'), path),
  'a FIFO': (path) => void execFileSync('mkfifo', [path]),
  'a folder': (path) => mkdirSync(path),
  'a huge file': (path) => {
    writeFileSync(path, '', { mode: 0o600 })
    truncateSync(path, 2 ** 40)
  },
  'a file that others may write': (path) => {
    writeFileSync(path, 'theirs')
    chmodSync(path, 0o666)
  },
}

const names = [
  'history.jsonl',
  'history.jsonl.1',
  'deploy.lock',
  'deploy.lock-journal',
  'view.lock',
  'reserve',
] as const

for (const [kind, make] of Object.entries(foreign)) {
  t.test(`${kind} in the place of a file of the state is set aside, not followed, and stops nothing`, async (t) => {
    for (const name of names) {
      const dir = t.testdir({ precious: 'as it was', state: {} })
      make(join(dir, 'state', name), dir)

      const engine = await openTestEngine(dir, [])
      await work(engine)

      t.ok(lstatSync(join(dir, 'state', `${name}.aside`)), name)
      t.equal(readFileSync(join(dir, 'precious'), 'utf8'), 'as it was')
      t.notOk(existsSync(join(dir, 'nowhere')))
      t.equal((await engine.history.read()).length, 1)
    }
  })
}

t.test(
  'a state folder that another user could change is refused, with the command that mends it',
  asRoot,
  async (t) => {
    const way = join(t.testdir({ way: { state: { journal: {} } } }), 'way')
    const state = join(way, 'state')
    const places: Readonly<Record<string, string>> = {
      above: way,
      'the folder': state,
      'one in it': join(state, 'journal'),
    }

    for (const [what, place] of Object.entries(places)) {
      chownSync(place, nobody, 0)
      await t.rejects(openTestEngine(way, []), refusal(`${place} belongs to another user`, `chown root ${place}`), what)
      chownSync(place, 0, 0)
      chmodSync(place, 0o775)
      await t.rejects(openTestEngine(way, []), refusal(`others may write ${place}`, `chmod go-w ${place}`), what)
      chmodSync(place, 0o755)
    }
    await work(await openTestEngine(way, []))
  },
)

t.test('a folder of the state that is a link is refused, and not followed', async (t) => {
  const dir = t.testdir({ state: {}, elsewhere: {} })
  chmodSync(join(dir, 'elsewhere'), 0o755)
  const journal = join(dir, 'state', 'journal')
  symlinkSync('../elsewhere', journal)

  await t.rejects(openTestEngine(dir, []), refusal(`${journal} is no folder`, `mv ${journal} ${journal}.aside`))

  t.equal(lstatSync(join(dir, 'elsewhere')).mode & 0o777, 0o755)
})

t.test('the whole state folder may be a link to a folder of ours', async (t) => {
  const dir = t.testdir({ state: {} })
  await work(await openTestEngine(dir, []))
  renameSync(join(dir, 'state'), join(dir, 'moved'))
  symlinkSync('moved', join(dir, 'state'))

  const engine = await openTestEngine(dir, [])

  t.equal((await engine.history.read()).length, 1)
})

t.test('twenty-five thousand files that are no documents stop no start', async (t: Test) => {
  const dir = t.testdir({ state: { journal: {}, deployments: {} } })
  const journal = join(dir, 'state', 'journal')
  for (let index = 0; index < 25_000; index += 1) writeFileSync(join(journal, `${index}.json`), '{', { mode: 0o600 })

  const engine = await openTestEngine(dir, [])

  t.same(await recover(engine), [])
  t.equal(engine.journal.setAside.length, 25_000)
  t.ok(readdirSync(journal).every((name) => name.endsWith('.aside')))
})

function refusal(reason: string, fix: string): { readonly code: string; readonly details: object } {
  return {
    code: 'CONFIG_INVALID',
    details: { reason, hint: `Look at what is in it, then run: ${fix}` },
  }
}

/** What every deployment does with its state. */
async function work(engine: Engine): Promise<void> {
  await engine.turns.take(async () => {
    const time = '2026-11-01T00:00:00.000Z'
    const common = { connector: 'postfix', host: 'changed', code: null, message: '', sha256: null, ms: 1 } as const
    await engine.history.append({ time, target: 'one', outcome: 'deployed', ...common })
  })
}
