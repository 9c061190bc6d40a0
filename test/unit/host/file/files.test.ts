import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  isCode,
  moveFile,
  moveWithoutReplacing,
  readSnapshot,
  removeFile,
  siblingName,
  syncFoldersOf,
} from '../../../../src/host/file/files.ts'
import { keepFile } from '../../../../src/host/file/write/keep-file.ts'
import { writeNewFile } from '../../../../src/host/file/write/write-new-file.ts'

const isRoot = process.geteuid?.() === 0
const owner = isRoot ? { uid: 1234, gid: 2345 } : { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
const bytes = Buffer.from('new bytes')

function folderWith(t: Test, contents: string): { readonly folder: string; readonly path: string } {
  const folder = t.testdir({ 'cert.pem': contents })
  return { folder, path: join(folder, 'cert.pem') }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  )
}

t.test('bytes, mode and owner are read', async (t) => {
  const { path } = folderWith(t, 'abc')
  chmodSync(path, 0o2640)

  const snapshot = await readSnapshot(path)

  const { uid, gid } = lstatSync(path)
  t.same(snapshot, { bytes: Buffer.from('abc'), mode: 0o2640, uid, gid })
})

t.test('a missing file is null', async (t) => {
  const { folder } = folderWith(t, 'abc')

  t.equal(await readSnapshot(join(folder, 'missing')), null)
  t.equal(await readSnapshot(join(folder, 'missing', 'file')), null)
})

t.test('a symlink is not followed', async (t) => {
  const { folder, path } = folderWith(t, 'abc')
  symlinkSync(path, join(folder, 'link'))
  symlinkSync('nowhere', join(folder, 'dangling'))

  t.equal(await codeOf(readSnapshot(join(folder, 'link'))), 'ELOOP')
  t.equal(await codeOf(readSnapshot(join(folder, 'dangling'))), 'ELOOP')
})

t.test('a FIFO without a writer is refused and does not block', async (t) => {
  const { folder } = folderWith(t, 'abc')
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])

  t.equal(await codeOf(readSnapshot(fifo)), `${fifo} is not a regular file`)
})

t.test('a folder, a device and a socket are refused', async (t) => {
  // The path of a socket has 107 bytes at most: a folder of the test's own may be deeper.
  const folder = mkdtempSync(join(tmpdir(), 'waxseal-files-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 's')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.teardown(() => server.close())

  t.equal(await codeOf(readSnapshot(folder)), `${folder} is not a regular file`)
  t.equal(await codeOf(readSnapshot('/dev/zero')), '/dev/zero is not a regular file')
  t.equal(await codeOf(readSnapshot(socket)), 'ENXIO')
})

t.test('a file of 1 MiB is read, and one of a byte more is refused', async (t) => {
  const { path } = folderWith(t, '')
  truncateSync(path, 1024 * 1024)
  const snapshot = await readSnapshot(path)
  truncateSync(path, 1024 * 1024 + 1)

  t.equal(snapshot?.bytes.length, 1024 * 1024)
  t.equal(await codeOf(readSnapshot(path)), `${path} is larger than 1048576 bytes`)
})

t.test('a new file has its bytes, its mode whatever the umask, and its owner', async (t) => {
  const path = join(t.testdir(), 'new.pem')
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))

  await writeNewFile(path, { bytes, mode: 0o644, ...owner })

  t.same(await readSnapshot(path), { bytes, mode: 0o644, ...owner })
})

t.test('a mode above the permissions survives the change of owner', async (t) => {
  const path = join(t.testdir(), 'new.pem')

  await writeNewFile(path, { bytes, mode: 0o2640, ...owner })

  t.equal((await readSnapshot(path))?.mode, 0o2640)
})

t.test('a file that is there is not written', async (t) => {
  const { path } = folderWith(t, 'abc')

  t.equal(await codeOf(writeNewFile(path, { bytes, mode: 0o600, ...owner })), 'EEXIST')
  t.equal(readFileSync(path, 'utf8'), 'abc')
})

t.test('a new file is not written through a link, dangling or not', async (t) => {
  const { folder, path } = folderWith(t, 'abc')
  symlinkSync(path, join(folder, 'link'))
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'dangling'))

  t.equal(await codeOf(writeNewFile(join(folder, 'link'), { bytes, mode: 0o600, ...owner })), 'EEXIST')
  t.equal(await codeOf(writeNewFile(join(folder, 'dangling'), { bytes, mode: 0o600, ...owner })), 'EEXIST')
  t.equal(readFileSync(path, 'utf8'), 'abc')
  t.equal(await readSnapshot(join(folder, 'elsewhere')), null)
})

t.test('sibling names are beside the file, hidden, and never the same', (t) => {
  const names = Array.from({ length: 100 }, () => siblingName('/etc/ssl/cert.pem', 'new'))

  t.ok(names.every((name) => /^\/etc\/ssl\/\.waxseal-[0-9a-f]{24}\.new$/.test(name)))
  t.equal(new Set(names).size, 100)
  t.match(siblingName('/cert.pem', 'old'), /^\/\.waxseal-[0-9a-f]{24}\.old$/)
  t.end()
})

t.test('a kept file outlives the move over the first name', async (t) => {
  const { folder, path } = folderWith(t, 'old')
  const [kept, staged] = [join(folder, 'kept'), join(folder, 'staged')]
  await writeNewFile(staged, { bytes, mode: 0o600, ...owner })

  await keepFile(path, kept)
  await moveFile(staged, path)
  await syncFoldersOf([path, kept])

  t.equal(readFileSync(kept, 'utf8'), 'old')
  t.same(readFileSync(path), bytes)
  t.equal(await readSnapshot(staged), null)
})

t.test('a file is not kept over another', async (t) => {
  const { folder, path } = folderWith(t, 'abc')
  writeFileSync(join(folder, 'kept'), 'earlier')

  t.equal(await codeOf(keepFile(path, join(folder, 'kept'))), 'EEXIST')
  t.equal(await codeOf(keepFile(join(folder, 'missing'), join(folder, 'other'))), 'ENOENT')
  t.equal(readFileSync(join(folder, 'kept'), 'utf8'), 'earlier')
})

t.test('moving without replacing leaves a taken name, and the file to be moved, alone', async (t) => {
  const { folder, path } = folderWith(t, 'abc')
  writeFileSync(join(folder, 'taken'), 'taken')

  t.equal(await codeOf(moveWithoutReplacing(path, join(folder, 'taken'))), 'EEXIST')
  t.equal(readFileSync(join(folder, 'taken'), 'utf8'), 'taken')
  t.equal(readFileSync(path, 'utf8'), 'abc')
})

t.test('moving without replacing takes a free name and gives up the old one', async (t) => {
  const { folder, path } = folderWith(t, 'abc')

  await moveWithoutReplacing(path, join(folder, 'free'))

  t.equal(readFileSync(join(folder, 'free'), 'utf8'), 'abc')
  t.equal(await readSnapshot(path), null)
})

t.test('removing tells whether there was a file, and removes the link rather than its target', async (t) => {
  const { folder, path } = folderWith(t, 'abc')
  symlinkSync(path, join(folder, 'link'))
  linkSync(path, join(folder, 'second'))
  mkdirSync(join(folder, 'folder'))

  t.equal(await removeFile(join(folder, 'link')), true)
  t.equal(await removeFile(join(folder, 'link')), false)
  t.equal(readFileSync(path, 'utf8'), 'abc')
  t.match(await codeOf(removeFile(join(folder, 'folder'))), /EISDIR|EPERM/)
})

t.test('a folder that is missing cannot be synced', async (t) => {
  t.equal(await codeOf(syncFoldersOf([join(t.testdir(), 'missing', 'file')])), 'ENOENT')
})

t.test('only a system error has a code', (t) => {
  t.equal(isCode(Object.assign(new Error('gone'), { code: 'ENOENT' }), 'ENOENT'), true)
  t.equal(isCode(Object.assign(new Error('gone'), { code: 'ENOENT' }), 'EEXIST'), false)
  t.equal(isCode({ code: 'ENOENT' }, 'ENOENT'), false)
  t.equal(isCode(null, 'ENOENT'), false)
  t.end()
})
