import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Journal, journalId, openJournal } from '../../../src/journal/journal.ts'
import { changesIn, generationIn } from '../../support/changes.ts'
import { journalEntry } from '../../support/journal-entry.ts'

t.test('an entry is read back by another process as it was written, files or generation', async (t) => {
  const { path, journal } = await open(t)
  const files = journalEntry(await changesIn(t.testdirName, { 'a.pem': 'new' }))
  const generation = journalEntry(await generationIn(t.testdirName, { 'a.pem': 'new' }), { target: 'other' })
  await journal.put(journalId(files), files)
  await journal.put(journalId(generation), generation)

  const entries = await (await openJournal(path)).list()

  t.same(
    entries.map(({ document }) => document),
    [files, generation],
  )
})

t.test('an entry holds no contents', async (t) => {
  const { path, journal } = await open(t)
  const entry = journalEntry(await changesIn(t.testdirName, { 'key.pem': 'the key itself' }))
  await journal.put(journalId(entry), entry)

  for (const name of await readdir(path)) t.notMatch(await readFile(join(path, name), 'utf8'), /the key itself/)
})

t.test('the folder is 0700 and every entry 0600', async (t) => {
  const { path, journal } = await open(t)
  await journal.put('target', journalEntry({ files: [], link: null }))

  t.equal((await stat(path)).mode & 0o7777, 0o700)
  t.same(await readdir(path), ['target.json'])
  t.equal((await stat(join(path, 'target.json'))).mode & 0o7777, 0o600)
})

const change = {
  path: '/etc/a.pem',
  role: 'key',
  destination: '/etc/a.pem',
  staged: `/etc/.waxseal-${'0'.repeat(24)}.new`,
  kept: `/etc/.waxseal-${'0'.repeat(24)}.old`,
  before: null,
  after: { digest: 'd', mode: 0o600, uid: 0, gid: 0 },
} as const
const link = {
  link: '/etc/tls/current',
  staged: `/etc/tls/.waxseal-${'0'.repeat(24)}.new`,
  before: null,
  after: 'generations/20261124T030405Z-01234567',
  folder: '/etc/tls/generations/20261124T030405Z-01234567',
} as const
const sound = journalEntry({ files: [change], link })
const untrusted: readonly (readonly [string, unknown])[] = [
  ['is of another version', { v: 2, id: 'x', since: 1, document: sound }],
  ['is of another name', { v: 1, id: 'y', since: 1, document: sound }],
  ['is no document', { hello: 'world' }],
  ['is of an unknown phase', envelope({ ...sound, phase: 'done' })],
  ['names a file by a relative path', envelope(withDeployment({ files: [{ ...change, destination: 'a.pem' }] }))],
  ['stages under a name that is not ours', envelope(withDeployment({ files: [{ ...change, staged: '/etc/shadow' }] }))],
  ['keeps under a name that is not ours', envelope(withDeployment({ files: [{ ...change, kept: '/etc/shadow' }] }))],
  ['switches to a folder that is no generation', envelope(withDeployment({ link: { ...link, folder: '/etc/ssl' } }))],
  ['switches to a link that leads elsewhere', envelope(withDeployment({ link: { ...link, after: '../../root' } }))],
  ['is of no deployment', envelope({ ...sound, deployments: [] })],
  ['has a command without a program', envelope({ ...sound, recover: [[]] })],
  [
    'has a mode that is none',
    envelope(withDeployment({ files: [{ ...change, after: { ...change.after, mode: -1 } }] })),
  ],
]
for (const [what, document] of untrusted) {
  t.test(`an entry that ${what} is set aside, listed, and never fatal`, async (t) => {
    await isSetAside(t, JSON.stringify(document))
  })
}

t.test('an entry that is torn at any byte is set aside', async (t) => {
  const whole = JSON.stringify(envelope(sound))
  for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 20))
    await isSetAside(t, whole.slice(0, length), `${length}`)
})

t.test('what is set aside can be read by a person, and is not read again', async (t) => {
  const { path, journal } = await open(t)
  await journal.put('target', sound)

  await journal.putAside('target')

  t.same(await journal.list(), [])
  t.same(journal.setAside, ['target.json'])
  const aside = JSON.parse(await readFile(join(path, 'target.json.aside'), 'utf8'))
  t.same(aside.document, sound)
  t.same((await openJournal(path)).setAside, [])
})

t.test('what another process writes at this moment is left alone where the folder is shared', async (t) => {
  const { path } = await open(t)
  const half = `.waxseal-${'0a'.repeat(12)}.new`
  await writeFile(join(path, half), '{')

  await openJournal(path, true)
  t.same(await readdir(path), [half])

  await openJournal(path)
  t.same(await readdir(path), [])
})

/** `text` is beside a sound entry. */
async function isSetAside(t: Test, text: string, name = ''): Promise<void> {
  const { path, journal } = await open(t)
  await journal.put('target', sound)
  await writeFile(join(path, 'x.json'), text)

  t.same(
    (await journal.list()).map(({ id }) => id),
    ['target'],
    name,
  )
  t.same(journal.setAside, ['x.json'], name)
  t.same((await readdir(path)).toSorted(), ['target.json', 'x.json.aside'], name)
}

async function open(t: Test): Promise<{ readonly path: string; readonly journal: Journal }> {
  const path = join(t.testdir(), 'journal')
  return { path, journal: await openJournal(path) }
}

function withDeployment(changes: object): unknown {
  return { ...sound, deployments: sound.deployments.map((deployment) => ({ ...deployment, ...changes })) }
}

function envelope(document: unknown): unknown {
  return { v: 1, id: 'x', since: 1, document }
}
