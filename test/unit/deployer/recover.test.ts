import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commitFiles } from '../../../src/apply/commit.ts'
import type { PreparedChanges } from '../../../src/apply/prepare-changes.ts'
import { stageFiles } from '../../../src/apply/stage.ts'
import type { Engine } from '../../../src/deployer/engine.ts'
import { recover } from '../../../src/deployer/recover.ts'
import { changesIn, generationIn, stateOf } from '../../support/changes.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { type Changes, journalEntry, journalledDeployment } from '../../support/journal-entry.ts'

const name = `.waxseal-${'0'.repeat(24)}`

type Step = (changes: PreparedChanges) => Promise<void>

const cut: readonly (readonly [string, readonly Step[], Changes, string, 'old' | 'new'])[] = [
  ['journalled only', [], {}, 'nothing was committed', 'old'],
  ['staged', [stageFiles], {}, 'nothing was committed', 'old'],
  ['committed', [stageFiles, commitFiles], {}, 'finished', 'new'],
  ['committed, and whose check fails', [stageFiles, commitFiles], { checks: [['false']] }, 'put back', 'old'],
  ['committed, and whose reload fails', [stageFiles, commitFiles], { activate: [['false']] }, 'put back', 'old'],
  ['about to be rolled back', [stageFiles, commitFiles], { phase: 'rolling-back' }, 'put back', 'old'],
  ['rolled back already', [], { phase: 'rolling-back' }, 'put back', 'old'],
  ['settling', [stageFiles, commitFiles], { phase: 'settling' }, 'cleaned up', 'new'],
]
for (const prepare of [changesIn, generationIn]) {
  for (const [what, steps, changes, did, left] of cut) {
    t.test(`a deployment that was ${what} is left ${left} (${prepare.name}), with nothing beside it`, async (t) => {
      const { engine, live, prepared } = await open(t, prepare)
      for (const step of steps) await step(prepared)
      await engine.journal.put('target', journalEntry(prepared, changes))

      t.match(await recover(engine), [{ target: 'target', did, error: null }])

      t.same(textsOf(await stateOf(live)), prepare === changesIn ? { 'a.pem': left } : generationTexts(prepared, left))
      t.same(await engine.journal.list(), [])
      t.same(await recover(engine), [])
    })
  }
}

t.test('a commit that was cut off between two files is put back', async (t) => {
  const { engine, live } = await open(t, changesIn)
  writeFileSync(join(live, 'b.pem'), 'old')
  const prepared = await changesIn(live, { 'a.pem': 'new', 'b.pem': 'new' })
  await stageFiles(prepared)
  rmSync(prepared.files[1]?.staged ?? '')
  await t.rejects(commitFiles(prepared))
  await engine.journal.put('target', journalEntry(prepared))

  t.match(await recover(engine), [{ did: 'put back', error: null }])

  t.same(textsOf(await stateOf(live)), { 'a.pem': 'old', 'b.pem': 'old' })
})

t.test('what cannot be put back is said, stays in the journal, and is tried again', async (t) => {
  const { engine, live, prepared } = await open(t, changesIn)
  await stageFiles(prepared)
  await commitFiles(prepared)
  await engine.journal.put('target', journalEntry(prepared, { phase: 'rolling-back', recover: [['false']] }))

  t.match(await recover(engine), [{ did: 'could not put back', error: { code: 'ROLLBACK_FAILED' } }])

  t.same(textsOf(await stateOf(live)), { 'a.pem': 'old' })
  t.equal((await engine.journal.list()).length, 1)
  await engine.journal.put('target', journalEntry(prepared, { phase: 'rolling-back' }))
  t.match(await recover(engine), [{ did: 'put back', error: null }])
})

t.test('one deployment that cannot be recovered does not stop the next', async (t) => {
  const { engine, live, prepared } = await open(t, changesIn)
  mkdirSync(join(live, 'gone'))
  const lost = await changesIn(live, { 'gone/b.pem': 'new' })
  rmSync(join(live, 'gone'), { recursive: true })
  await engine.journal.put('lost', journalEntry(lost, { target: 'lost', phase: 'settling' }))
  await stageFiles(prepared)
  await engine.journal.put('target', journalEntry(prepared))

  t.match(await recover(engine), [
    { target: 'lost', did: 'could not put back', error: { details: { reason: /ENOENT/ } } },
    { target: 'target', did: 'nothing was committed', error: null },
  ])
  t.same(textsOf(await stateOf(live)), { 'a.pem': 'old' })
})

const deaf = { host: '127.0.0.1', port: 1, protocol: 'smtp', servername: null, keyType: null, timeoutMs: 5000 } as const
const refused = { phase: 'connect', reason: 'connect ECONNREFUSED 127.0.0.1:1' }
const silent = { leaf: null, chain: [], isChained: false, failure: refused }

for (const [what, before, did] of [
  ['that fails as it did before does not decide: it is finished, unproven', { before: [silent] }, 'finished'],
  [
    'that failed in another way before decides: it is put back',
    { before: [{ ...silent, failure: { ...refused, phase: 'greeting' } }] },
    'put back',
  ],
  ['decides in an entry of an older Waxseal, which does not say what was before', {}, 'put back'],
] as const)
  t.test(`in a recovery, too, a listener ${what}`, async (t) => {
    const { engine, live, prepared } = await open(t, changesIn)
    await stageFiles(prepared)
    await commitFiles(prepared)
    await engine.journal.put('target', journalEntry(prepared, { probes: [deaf], oldLeaves: [[]], ...before }))

    t.match(await recover(engine), [{ target: 'target', did, error: null }])

    t.same(textsOf(await stateOf(live)), { 'a.pem': did === 'finished' ? 'new' : 'old' })
    if (did === 'finished') t.match(await engine.records.get('target'), { proven: false, probes: [{ decides: false }] })
  })

t.test('deployments of one transaction are put back together when one of them was not committed', async (t) => {
  const { engine, live } = await open(t, changesIn)
  for (const name of ['b.pem', 'c.pem']) writeFileSync(join(live, name), 'old')
  const [first, second] = [
    await changesIn(live, { 'a.pem': 'new', 'b.pem': 'new' }),
    await changesIn(live, { 'c.pem': 'new' }),
  ]
  for (const changes of [first, second]) await stageFiles(changes)
  await commitFiles(first)
  const deployments = [journalledDeployment(first, 'first'), journalledDeployment(second, 'second')]
  await engine.journal.put('first', { ...journalEntry(first), deployments })

  t.match(await recover(engine), [
    { target: 'first', did: 'put back', error: null },
    { target: 'second', did: 'put back', error: null },
  ])

  t.same(textsOf(await stateOf(live)), { 'a.pem': 'old', 'b.pem': 'old', 'c.pem': 'old' })
  t.same(await engine.journal.list(), [])
})

t.test('deployments of one transaction are finished together when all of them were committed', async (t) => {
  const { engine, live } = await open(t, changesIn)
  const [first, second] = [await changesIn(live, { 'a.pem': 'new' }), await changesIn(live, { 'c.pem': 'new' })]
  for (const changes of [first, second]) await stageFiles(changes)
  for (const changes of [first, second]) await commitFiles(changes)
  const deployments = [journalledDeployment(first, 'first'), journalledDeployment(second, 'second')]
  await engine.journal.put('first', { ...journalEntry(first), deployments })

  t.match(await recover(engine), [{ did: 'finished' }, { did: 'finished' }])

  t.match(await engine.records.get('second'), { service: 'postfix', certificate: { sha256: 'a'.repeat(64) } })
  t.same(textsOf(await stateOf(live)), { 'a.pem': 'new', 'c.pem': 'new' })
})

const foreign: readonly (readonly [string, (live: string, outside: string) => Changes])[] = [
  ['stages in another folder', (live, outside) => filesIn(live, outside, live)],
  ['keeps far away', (live, outside) => filesIn(live, live, outside)],
  ['keeps in another folder', (live) => filesIn(live, live, join(live, 'other'))],
  ['leaves the roots by ".."', (live) => filesIn(`${live}/../../outside`, `${live}/../../outside`)],
  ['has its generation in another folder', (live) => ({ link: linkIn(live, join(live, 'other')) })],
]
for (const [what, changes] of foreign) {
  t.test(`a journal that ${what} is set aside, and nothing is touched`, async (t) => {
    const { engine, dir, live, outside } = await open(t, changesIn)
    const before = await stateOf(dir)
    const hostile = changes(live, outside)
    for (const phase of ['deploying', 'rolling-back', 'settling'] as const) {
      await engine.journal.put('target', journalEntry({ files: [], link: null }, { phase, ...hostile }))

      t.match(await recover(engine), [{ did: 'set aside', error: { code: 'PATH_NOT_ALLOWED' } }], phase)
    }

    t.same(await engine.journal.list(), [])
    const { after, aside } = await withoutJournal(dir)
    t.same(after, { ...before })
    t.same(aside, ['target.json.aside'])
  })
}

t.test(
  'a journal that leads through a folder that is a link now waits until it is one again, and nothing is touched',
  async (t) => {
    const { engine, dir, live, outside } = await open(t, changesIn)
    symlinkSync(outside, join(live, 'linked'))
    const { after: before } = await withoutJournal(dir)
    const through = filesIn(join(live, 'linked'), join(live, 'linked'))
    for (const phase of ['deploying', 'rolling-back', 'settling'] as const) {
      await engine.journal.put('target', journalEntry({ files: [], link: null }, { phase, ...through }))

      t.match(
        await recover(engine),
        [{ did: 'could not put back', error: { details: { reason: /linked is a link/ } } }],
        phase,
      )
    }

    t.equal((await engine.journal.list()).length, 1)
    t.same((await withoutJournal(dir)).after, before)
  },
)

for (const phase of ['deploying', 'rolling-back'] as const)
  t.test(`old files are put back where the policy of today allows nothing any more (${phase})`, async (t) => {
    for (const prepare of [changesIn, generationIn]) {
      const { engine, dir, live, prepared } = await open(t, prepare)
      await stageFiles(prepared)
      await commitFiles(prepared)
      await engine.journal.put('target', journalEntry(prepared, { phase }))
      const elsewhere = await openTestEngine(join(dir, 'roots'), ['true'], { roots: ['/nowhere'] })

      t.match(await recover(elsewhere), [{ did: 'put back', error: null }])

      t.same(
        textsOf(await stateOf(live)),
        prepare === changesIn ? { 'a.pem': 'old' } : generationTexts(prepared, 'old'),
      )
      t.same(await elsewhere.journal.list(), [])
    }
  })

t.test(
  'a command that the policy of today does not allow is not run, the files are put back, and the result says so',
  async (t) => {
    const { engine, dir, live, prepared } = await open(t, changesIn)
    const mark = join(dir, 'was-run')
    const touch = ['touch', mark] as const
    await stageFiles(prepared)
    await commitFiles(prepared)
    await engine.journal.put('target', journalEntry(prepared, { checks: [touch], activate: [touch], recover: [touch] }))

    t.match(await recover(engine), [
      { did: 'could not put back', notAllowed: [`touch ${mark}`], error: { code: 'ROLLBACK_FAILED' } },
    ])

    t.notOk(existsSync(mark))
    t.same(textsOf(await stateOf(live)), { 'a.pem': 'old' })
    const again = await openTestEngine(join(dir, 'roots'), [`touch ${mark}`])
    t.match(await recover(again), [{ did: 'put back', error: null }])
    t.ok(existsSync(mark), 'once it is allowed again it is run')
    t.same(await again.journal.list(), [])
  },
)

t.test('a port that the policy of today does not allow is not connected to', async (t) => {
  const { engine, prepared } = await open(t, changesIn)
  await stageFiles(prepared)
  await commitFiles(prepared)
  const far = { ...deaf, host: '192.0.2.1', timeoutMs: 600_000 }
  await engine.journal.put('target', journalEntry(prepared, { probes: [far], oldLeaves: [['f'.repeat(64)]] }))

  t.match(await recover(engine), [
    { did: 'could not put back', notAllowed: ['192.0.2.1:1'], error: { code: 'ROLLBACK_FAILED' } },
  ])
})

t.test('services are recovered side by side, so that one whose daemon hangs holds up no other', async (t) => {
  const { dir, live } = await open(t, changesIn)
  const names = ['a.pem', 'b.pem', 'c.pem']
  const meet = join(dir, 'meet.mjs')
  writeFileSync(meet, meeting)
  const run = (own: string): readonly [string, ...string[]] => [process.execPath, meet, dir, own, ...names]
  const engine = await openTestEngine(
    join(dir, 'roots'),
    names.map((own) => run(own).join(' ')),
  )
  for (const own of names) {
    writeFileSync(join(live, own), 'old')
    const prepared = await changesIn(live, { [own]: 'new' })
    await stageFiles(prepared)
    await commitFiles(prepared)
    const changes = { target: own, service: own, phase: 'rolling-back', recover: [run(own)] } as const
    await engine.journal.put(own, journalEntry(prepared, changes))
  }

  const recovered = await recover({ ...engine, timeouts: { checkMs: 10_000, activateMs: 10_000 } })

  t.match(
    recovered,
    names.map((target) => ({ target, did: 'put back', error: null })),
  )
})

t.test('behind the time limit of an entry the files are back, and no command of it begins', async (t) => {
  const { engine, dir, live, prepared } = await open(t, changesIn)
  const mark = join(dir, 'was-run')
  const allowing = await openTestEngine(join(dir, 'roots'), [`touch ${mark}`])
  await stageFiles(prepared)
  await commitFiles(prepared)
  await engine.journal.put('target', journalEntry(prepared, { phase: 'rolling-back', recover: [['touch', mark]] }))

  t.match(await recover(allowing, 0), [{ did: 'could not put back', error: { code: 'ROLLBACK_FAILED' } }])

  t.same(textsOf(await stateOf(live)), { 'a.pem': 'old' })
  t.notOk(existsSync(mark))
  t.match(await recover(allowing), [{ did: 'put back', error: null }])
})

/** Ends well once each of the others has begun. */
const meeting = `import { existsSync, writeFileSync } from 'node:fs'
const [dir, own, ...all] = process.argv.slice(2)
writeFileSync(dir + '/met-' + own, '')
setInterval(() => { if (all.every((one) => existsSync(dir + '/met-' + one))) process.exit(0) }, 20)
`

t.test('a journal that is torn is set aside, and the others are recovered', async (t) => {
  const { engine, dir, prepared } = await open(t, changesIn)
  await engine.journal.put('target', journalEntry(prepared))
  await writeFile(join(dir, 'roots/state/journal/torn.json'), '{"v":1,')

  t.match(await recover(engine), [{ target: 'target', did: 'nothing was committed' }])

  t.same(engine.journal.setAside, ['torn.json'])
})

interface Opened {
  readonly engine: Engine
  readonly dir: string
  readonly live: string
  readonly outside: string
  readonly prepared: PreparedChanges
}

/** An engine whose root is one of two folders; what a journal could name is in both of them. */
async function open(t: Test, prepare: typeof changesIn): Promise<Opened> {
  const old = 'generations/20260101T000000Z-00000000'
  const files = { 'a.pem': 'theirs', [`${name}.new`]: 'theirs', [`${name}.old`]: 'theirs', generations: {} }
  const dir = t.testdir({ outside: files, roots: { live: {} } })
  const live = join(dir, 'roots/live')
  const folder = prepare === changesIn ? live : join(live, old)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'a.pem'), 'old')
  if (prepare === generationIn) symlinkSync(old, join(live, 'current'))
  const engine = await openTestEngine(join(dir, 'roots'), ['true', 'false'])
  return { engine, dir, live, outside: join(dir, 'outside'), prepared: await prepare(live, { 'a.pem': 'new' }) }
}

function filesIn(folder: string, staged: string, kept = folder): Changes {
  const version = { digest: 'd', mode: 0o600, uid: 0, gid: 0 }
  const path = `${folder}/a.pem`
  const names = { path, destination: path, staged: `${staged}/${name}.new`, kept: `${kept}/${name}.old` }
  return { files: [{ ...names, role: 'other', before: null, after: version }] }
}

function linkIn(folder: string, generations: string): NonNullable<Changes['link']> {
  const after = 'generations/20261124T030405Z-01234567'
  return {
    link: `${folder}/current`,
    staged: `${folder}/${name}.new`,
    before: null,
    after,
    folder: `${generations}/${after}`,
  }
}

/** Contents and links, by name. */
function textsOf(state: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const texts = Object.entries(state).flatMap(([path, one]) => {
    if (typeof one === 'string') return [[path, one]]
    return one !== null && typeof one === 'object' && 'text' in one ? [[path, one.text]] : []
  })
  return Object.fromEntries(texts)
}

function generationTexts({ link }: PreparedChanges, left: 'old' | 'new'): Readonly<Record<string, unknown>> {
  const generation = left === 'new' ? link?.after : link?.before
  return { current: generation, [`${generation}/a.pem`]: left }
}

/** The journal's own folder apart. */
async function withoutJournal(dir: string) {
  const journal = 'roots/state/journal/'
  const after = Object.entries(await stateOf(dir)).filter(([path]) => !path.startsWith(journal))
  return { after: Object.fromEntries(after), aside: readdirSync(join(dir, journal)) }
}
