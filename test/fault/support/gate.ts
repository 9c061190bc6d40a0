import { once } from 'node:events'
import { closeSync, fchownSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { mkdir, open, unlink } from 'node:fs/promises'

/**
 * Loaded before the program (`--import`): loads all of it, says which process it is, and waits until strace(1) is attached. Then it
 * makes some calls that change nothing. `when=N` of strace kills the first thread that makes its Nth call of a kind: with
 * these, Node's main thread and its pool thread never come to the same N in our files.
 */
const { WAXSEAL_PAD: thread, WAXSEAL_PAD_FILE: path } = process.env
const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
const pads = 60

if (path !== undefined) {
  await import('../../../src/cli/program.ts')
  await import('../../../src/cli/deploy.ts')
  await import('../../../src/cli/recover.ts')
  writeSync(1, `${process.pid}\n`)
  await once(process.stdin, 'data')
  process.stdin.destroy()
  if (thread === 'pool') await padPool(path)
  else padMain(path)
}

async function padPool(file: string): Promise<void> {
  for (let done = 0; done < pads; done += 1) {
    const handle = await open(file, 'w')
    await handle.chown(uid, gid)
    await handle.write('.')
    await handle.close()
    await unlink(file)
    await mkdir('/').catch(() => {})
  }
}

function padMain(file: string): void {
  for (let done = 0; done < pads; done += 1) {
    const handle = openSync(file, 'w')
    fchownSync(handle, uid, gid)
    writeSync(handle, '.')
    closeSync(handle)
    unlinkSync(file)
    mkdirSync('/', { recursive: true })
  }
}
