import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeTemporaryFolder, removeTree } from '../../../../src/host/file/plain-files.ts'
import { runCommand } from '../../../../src/host/process/command.ts'
import { findProgram, reasonAgainst } from '../../../../src/host/process/find-program.ts'

t.test('a bare name is a program of the system’s own folders, whatever PATH says', async (t) => {
  const dir = await folder(t)
  await script(join(dir, 'getent'))
  const { PATH } = process.env
  process.env['PATH'] = `${dir}:${PATH}`
  t.teardown(() => {
    process.env['PATH'] = PATH
  })

  t.match(await findProgram('getent'), { path: '/usr/bin/getent' })
  t.match(await findProgram('no-such-program'), { reason: 'missing' })
  t.match((await runCommand(['sh', '-c', 'echo $PATH'], { timeoutMs: 30_000 })).stdout, /^\/usr\/\S+bin:\/bin$/m)
})

t.test('a relative path is no program', async (t) => {
  for (const program of ['./getent', 'bin/getent', '../usr/bin/getent', '']) {
    t.match(await findProgram(program), { reason: 'relative' }, program)
    t.match(await reasonAgainst(program), /neither an absolute path nor a bare name/)
  }
})

t.test('a program, a link to it, or a folder above it that is another user’s is not run', async (t) => {
  const dir = await folder(t)
  const inner = join(dir, 'bin')
  const program = join(inner, 'hook')
  const link = join(dir, 'link')
  await mkdir(inner)
  await script(program)
  await symlink(program, link)

  t.match(await runCommand([program], { timeoutMs: 30_000 }), { exitCode: 0, stdout: 'ran\n' })
  t.match(await runCommand([link], { timeoutMs: 30_000 }), { exitCode: 0, stdout: 'ran\n' })
  for (const [what, undo, fix] of [
    [() => chown(program, 1000, 1000), () => chown(program, 0, 0), `chown root ${program}`],
    [() => chmod(program, 0o777), () => chmod(program, 0o755), `chmod go-w ${program}`],
    [() => chown(inner, 1000, 1000), () => chown(inner, 0, 0), `chown root ${inner}`],
    [() => chmod(inner, 0o775), () => chmod(inner, 0o755), `chmod go-w ${inner}`],
  ] as const) {
    await what()
    for (const path of [program, link]) {
      t.match(await runCommand([path], { timeoutMs: 30_000 }), { exitCode: null, stdout: '', output: fix }, fix)
      t.match(await reasonAgainst(path), fix)
    }
    await undo()
  }
  t.equal(await reasonAgainst(program), null)
})

t.test('what is missing is told by its run, and a command of our own is no program', async (t) => {
  t.equal(await reasonAgainst('no-such-program'), null)
  t.equal(await reasonAgainst('waxseal:haproxy-reload'), null)
  t.match(await runCommand(['no-such-program'], { timeoutMs: 30_000 }), { exitCode: null, output: /ENOENT/ })
})

async function folder(t: Test): Promise<string> {
  const dir = await makeTemporaryFolder('waxseal-program-')
  t.teardown(() => removeTree(dir))
  return dir
}

async function script(path: string): Promise<void> {
  await writeFile(path, '#!/bin/sh\necho ran\n', { mode: 0o755 })
}
