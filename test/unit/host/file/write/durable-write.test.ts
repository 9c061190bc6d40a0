import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { durableCreate, durableRemove, durableWrite } from '../../../../../src/host/file/write/durable-write.ts'

const bytes = Buffer.from('new bytes')

t.test('a new file is private unless it is said otherwise', async (t) => {
  const folder = t.testdir()

  await durableWrite(join(folder, 'one'), bytes)
  await durableWrite(join(folder, 'other'), bytes, 0o644)

  t.same(readFileSync(join(folder, 'one')), bytes)
  t.equal(statSync(join(folder, 'one')).mode & 0o7777, 0o600)
  t.equal(statSync(join(folder, 'other')).mode & 0o7777, 0o644)
  t.equal(statSync(join(folder, 'one')).uid, process.geteuid?.())
})

t.test('a file is replaced by another, not written over', async (t) => {
  const folder = t.testdir({ file: 'old' })
  const path = join(folder, 'file')
  const before = statSync(path).ino

  await durableWrite(path, bytes)

  t.same(readFileSync(path), bytes)
  t.not(statSync(path).ino, before)
  t.same(readdirSync(folder), ['file'])
})

t.test('a link is replaced, and what it leads to is left alone', async (t) => {
  const folder = t.testdir({ target: 'old' })
  const path = join(folder, 'link')
  symlinkSync('target', path)

  await durableWrite(path, bytes)

  t.ok(lstatSync(path).isFile())
  t.equal(readFileSync(join(folder, 'target'), 'utf8'), 'old')
})

t.test('a write that fails leaves nothing behind', async (t) => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'taken'))

  await t.rejects(durableWrite(join(folder, 'taken'), bytes), { code: 'EISDIR' })
  await t.rejects(durableWrite(join(folder, 'missing', 'file'), bytes), { code: 'ENOENT' })

  t.same(readdirSync(folder), ['taken'])
})

t.test('writers at the same time leave one whole file', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'file')
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000))

  await Promise.all(contents.map((text) => durableWrite(path, Buffer.from(text))))

  t.ok(contents.includes(readFileSync(path, 'utf8')))
  t.same(readdirSync(folder), ['file'])
})

t.test('creating makes the file once, and later ones count as made', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'file')

  await durableCreate(path, Buffer.from('first'), 0o640)
  await durableCreate(path, Buffer.from('second'))

  t.equal(readFileSync(path, 'utf8'), 'first')
  t.equal(statSync(path).mode & 0o7777, 0o640)
  t.same(readdirSync(folder), ['file'])
})

t.test('of creators at the same time one wins', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'file')
  const contents = Array.from({ length: 20 }, (_, index) => `creator ${index}`)

  await Promise.all(contents.map((text) => durableCreate(path, Buffer.from(text))))

  t.ok(contents.includes(readFileSync(path, 'utf8')))
  t.equal(statSync(path).nlink, 1)
  t.same(readdirSync(folder), ['file'])
})

t.test('creating in a missing folder fails', async (t) => {
  await t.rejects(durableCreate(join(t.testdir(), 'missing', 'file'), bytes), { code: 'ENOENT' })
})

t.test('removing removes, and a missing file is no error', async (t) => {
  const folder = t.testdir({ file: 'old' })

  await durableRemove(join(folder, 'file'))
  await durableRemove(join(folder, 'file'))

  t.same(readdirSync(folder), [])
})
