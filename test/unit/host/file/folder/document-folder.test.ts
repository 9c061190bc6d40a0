import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { type DocumentFolder, openDocumentFolder } from '../../../../../src/host/file/folder/document-folder.ts'

interface Note {
  readonly text: string
}

const schema = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string' } },
  additionalProperties: false,
} as const

async function openNotes(t: Test): Promise<{ readonly path: string; readonly notes: DocumentFolder<Note> }> {
  const path = join(t.testdir(), 'notes')
  return { path, notes: await openDocumentFolder<Note>({ path, schema }) }
}

t.test('a document is there again after it was put, also in another process', async (t) => {
  const { path, notes } = await openNotes(t)
  await notes.put('one', { text: 'first' })

  const again = await openDocumentFolder<Note>({ path, schema })

  t.same(await notes.get('one'), { text: 'first' })
  t.same(await again.get('one'), { text: 'first' })
  t.same(await again.list(), [{ id: 'one', document: { text: 'first' } }])
  t.equal(await again.get('two'), null)
  t.same(again.setAside, [])
})

t.test('folder and documents are private', async (t) => {
  const { path, notes } = await openNotes(t)

  await notes.put('one', { text: 'first' })

  t.equal(statSync(path).mode & 0o7777, 0o700)
  t.equal(statSync(join(path, 'one.json')).mode & 0o7777, 0o600)
  t.match(JSON.parse(readFileSync(join(path, 'one.json'), 'utf8')), { v: 1, id: 'one', document: { text: 'first' } })
})

t.test('a removed document is gone, and a missing one is no error', async (t) => {
  const { path, notes } = await openNotes(t)
  await notes.put('one', { text: 'first' })

  await notes.remove('one')
  await notes.remove('one')

  t.equal(await notes.get('one'), null)
  t.same(readdirSync(path), [])
})

t.test('documents are listed oldest first, also when the clock stands still or goes back', async (t) => {
  const times = [1e12, 1e12, 1e12, 1e12 - 5000]
  t.intercept(Date, 'now', { value: () => times.shift() ?? 1e12 - 5000 })
  const { path, notes } = await openNotes(t)
  const ids = ['z', 'a', '~', '10', '9', '../x', 'm']
  for (const id of ids) await notes.put(id, { text: id })

  const again = await openDocumentFolder<Note>({ path, schema })

  t.same(
    (await again.list()).map(({ id }) => id),
    ids,
  )
})

t.test('a document that is put again keeps its place', async (t) => {
  const { notes } = await openNotes(t)
  await notes.put('one', { text: 'first' })
  await notes.put('two', { text: 'second' })

  await notes.put('one', { text: 'changed' })

  t.same(await notes.list(), [
    { id: 'one', document: { text: 'changed' } },
    { id: 'two', document: { text: 'second' } },
  ])
})

const hostileIds = {
  'a way up': '../x',
  'an absolute path': '/etc/passwd',
  '300 characters': 'a'.repeat(300),
  '64 characters and one': 'a'.repeat(65),
  'a NUL': 'a\0b',
  nothing: '',
  'a dot': '.',
  'two dots': '..',
  'a hidden name': '.hidden',
  'the name of a half-written file': `.waxseal-${'0'.repeat(24)}.new`,
  'a line feed': 'a\n',
  'an object key': '__proto__',
  'another script': 'żółw',
} as const

t.test('an id from outside stays inside the folder, and is its own document', async (t) => {
  const { path, notes } = await openNotes(t)
  const ids = Object.values(hostileIds)

  for (const id of ids) await notes.put(id, { text: id })

  const names = readdirSync(path)
  t.same(readdirSync(dirname(path)), ['notes'])
  t.equal(names.length, ids.length)
  t.ok(names.every((name) => /^[A-Za-z0-9_~-]{1,65}\.json$/.test(name)))
  for (const [kind, id] of Object.entries(hostileIds)) t.same(await notes.get(id), { text: id }, kind)
  t.equal((await notes.list()).length, ids.length)
  for (const id of ids) await notes.remove(id)
  t.same(readdirSync(path), [])
  t.same(notes.setAside, [])
})

t.test('ids that differ in case only are two documents', async (t) => {
  const { notes } = await openNotes(t)

  await notes.put('a', { text: 'small' })
  await notes.put('A', { text: 'large' })

  t.same(await notes.get('a'), { text: 'small' })
  t.same(await notes.get('A'), { text: 'large' })
})

const good = { v: 1, id: 'bad', since: 1, document: { text: 'x' } }
const badContents = {
  empty: '',
  torn: JSON.stringify(good).slice(0, -5),
  'NUL bytes': '\0'.repeat(100),
  'no object': 'null',
  'of another version': JSON.stringify({ ...good, v: 2 }),
  'without a version': JSON.stringify({ ...good, v: undefined }),
  'under the name of another': JSON.stringify({ ...good, id: 'other' }),
  'of another schema': JSON.stringify({ ...good, document: { words: 'x' } }),
  'with an age that is no number': '{"v":1,"id":"bad","since":1e999,"document":{"text":"x"}}',
} as const

for (const [kind, contents] of Object.entries(badContents)) {
  t.test(`a document that is ${kind} is set aside, and is not fatal`, async (t) => {
    const { path, notes } = await openNotes(t)
    await notes.put('good', { text: 'first' })
    writeFileSync(join(path, 'bad.json'), contents, { mode: 0o600 })

    const listed = await notes.list()

    t.same(listed, [{ id: 'good', document: { text: 'first' } }])
    t.same(notes.setAside, ['bad.json'])
    t.equal(readFileSync(join(path, 'bad.json.aside'), 'utf8'), contents)
    t.equal(await notes.get('bad'), null)
    t.same(notes.setAside, ['bad.json'])
  })
}

t.test('one bit that changed anywhere in a document sets it aside', async (t) => {
  const { path, notes } = await openNotes(t)
  const file = join(path, 'bad.json')
  await notes.put('bad', { text: '0' })
  const sound = readFileSync(file)
  await notes.remove('bad')
  const taken: string[] = []

  for (let bit = 0; bit < sound.length * 8; bit += 1) {
    const bytes = Buffer.from(sound)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    writeFileSync(file, bytes, { mode: 0o600 })
    if ((await notes.get('bad')) !== null) taken.push(`bit ${bit}: ${bytes.toString('latin1')}`)
  }

  t.same(taken, [])
})

t.test('a document of the version before, without a digest, is taken', async (t) => {
  const { path, notes } = await openNotes(t)
  writeFileSync(join(path, 'bad.json'), `${JSON.stringify(good)}\n`, { mode: 0o600 })

  t.same(await notes.get('bad'), { text: 'x' })
  await notes.put('bad', { text: 'y' })
  t.same(await notes.list(), [{ id: 'bad', document: { text: 'y' } }])
})

t.test('a document that others can read or write is set aside', async (t) => {
  for (const mode of [0o640, 0o602, 0o644]) {
    const { path, notes } = await openNotes(t)
    await notes.put('bad', { text: 'first' })
    chmodSync(join(path, 'bad.json'), mode)

    t.equal(await notes.get('bad'), null)
    t.same(notes.setAside, ['bad.json'])
  }
})

t.test(
  'a document of another user is set aside',
  { skip: process.getuid?.() === 0 ? false : 'only root can give files away' },
  async (t) => {
    const { path, notes } = await openNotes(t)
    await notes.put('bad', { text: 'first' })
    chownSync(join(path, 'bad.json'), 65_534, 65_534)

    t.same(await notes.list(), [])
    t.same(notes.setAside, ['bad.json'])
  },
)

t.test('of the documents that are wanted none is missed, and the others are read once', async (t) => {
  const { path, notes } = await openNotes(t)
  await notes.put('one', { text: 'first' })
  await notes.put('two', { text: 'first' })
  const ids = async (wanted: string): Promise<readonly string[]> =>
    (await notes.list((id) => id.startsWith(wanted))).map(({ id }) => id)
  t.same(await ids('one'), ['one'])

  const other = await openDocumentFolder<Note>({ path, schema, isShared: true })
  await other.put('one-more', { text: 'first' })
  await other.put('one', { text: 'second' })
  writeFileSync(join(path, 'two.json'), 'torn')

  t.same(await ids('one'), ['one', 'one-more'])
  t.same((await notes.list((id) => id === 'one'))[0]?.document, { text: 'second' })
  t.same(notes.setAside, [], 'what is not wanted is not read')
  t.same(await ids('two'), [])
  t.same(notes.setAside, ['two.json'])
})

t.test('a folder of more documents than files may be open is listed', async (t) => {
  const { path } = await openNotes(t)
  const count = 3000
  for (let id = 0; id < count; id += 1)
    writeFileSync(join(path, `${id}.json`), JSON.stringify({ ...good, id: String(id) }), { mode: 0o600 })
  const module = new URL('../../../../../src/host/file/folder/document-folder.ts', import.meta.url).href
  const program = `const { openDocumentFolder } = await import(${JSON.stringify(module)})
    const folder = await openDocumentFolder({ path: ${JSON.stringify(path)}, schema: ${JSON.stringify(schema)} })
    console.log((await folder.list()).length)`

  const printed = execFileSync('prlimit', [
    '--nofile=256:256',
    process.execPath,
    '--input-type=module',
    '--eval',
    program,
  ])

  t.equal(printed.toString().trim(), String(count))
})

const foreign: Readonly<Record<string, (path: string) => void>> = {
  'a folder': (path) => mkdirSync(path),
  'a link to a document': (path) => symlinkSync('good.json', path),
  'a dangling link': (path) => symlinkSync('nowhere', path),
  'a FIFO': (path) => void execFileSync('mkfifo', [path]),
  'a file that is too large': (path) => {
    writeFileSync(path, '')
    truncateSync(path, 2 * 1024 * 1024)
  },
}

for (const [kind, make] of Object.entries(foreign)) {
  t.test(`${kind} among the documents is set aside, and is not fatal`, async (t) => {
    const { path, notes } = await openNotes(t)
    await notes.put('good', { text: 'first' })
    make(join(path, 'bad.json'))

    const listed = await notes.list()

    t.same(listed, [{ id: 'good', document: { text: 'first' } }])
    t.same(notes.setAside, ['bad.json'])
    t.same(readdirSync(path), ['bad.json.aside', 'good.json'])
  })
}

t.test('a torn document that cannot be renamed is passed over', async (t) => {
  const { path, notes } = await openNotes(t)
  writeFileSync(join(path, 'bad.json'), 'torn')
  mkdirSync(join(path, 'bad.json.aside', 'full'), { recursive: true })

  t.same(await notes.list(), [])
  t.same(await notes.list(), [])
  t.same(notes.setAside, ['bad.json'])
})

t.test('a torn document that is read twice at once is set aside once', async (t) => {
  const { path, notes } = await openNotes(t)
  writeFileSync(join(path, 'bad.json'), 'torn')

  const answers = await Promise.all([notes.get('bad'), notes.list(), notes.get('bad'), notes.list()])

  t.same(answers, [null, [], null, []])
  t.same(notes.setAside, ['bad.json'])
})

t.test('a document may be put again after a torn one of its name', async (t) => {
  const { path, notes } = await openNotes(t)
  writeFileSync(join(path, 'bad.json'), 'torn')

  await notes.put('bad', { text: 'mended' })

  t.same(await notes.get('bad'), { text: 'mended' })
  t.same(notes.setAside, ['bad.json'])
})

t.test('a document that could not be read again is not put', async (t) => {
  const { path, notes } = await openNotes(t)
  await notes.put('one', { text: 'first' })

  await t.rejects(notes.put('one', { text: 'x'.repeat(1024 * 1024) }), { message: /^the document is larger than/ })

  t.same(await notes.get('one'), { text: 'first' })
  t.same(readdirSync(path), ['one.json'])
})

t.test('what a crash left half written is removed at the opening, and nothing else', async (t) => {
  const half = `.waxseal-${'0a'.repeat(12)}.new`
  const folder = `.waxseal-${'0b'.repeat(12)}.new`
  const path = t.testdir({ [half]: '{"v"', [folder]: {}, '.keep': '', 'notes.txt': 'not ours' })

  const notes = await openDocumentFolder<Note>({ path, schema })

  t.same(readdirSync(path), ['.keep', folder, 'notes.txt'])
  t.same(await notes.list(), [])
  t.same(notes.setAside, [])
})
