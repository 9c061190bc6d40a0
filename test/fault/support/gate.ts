import { once } from 'node:events'
import { closeSync, fchownSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'

/**
 * Loaded before the program (`--import`): loads all of it, says which process it is, and waits until strace(1) is attached. Then it
 * makes some calls that change nothing. `when=N` of strace kills the first thread that makes its Nth call of a kind: with
 * these, Node's main thread and its pool thread never come to the same N in our files.
 */
const { WAXSEAL_PAD: thread, WAXSEAL_PAD_FILE: path } = process.env
const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
const pads = 60
/** Folders are opened one by one, and modules read: of this call one thread may make hundreds more than the other. */
const openPads = 600

if (path !== undefined) {
  await import('../../../src/cli/program.ts')
  await import('../../../src/cli/commands.ts')
  await import('../../../src/cli/command/deploy.ts')
  await import('../../../src/cli/command/recover.ts')
  writeSync(1, `${process.pid}\n`)
  await once(process.stdin, 'data')
  process.stdin.destroy()
  await writeByPosition()
  if (thread === 'pool') await padPool(path)
  else padMain(path)
}

/**
 * Node's threads wake each other by write(2), how often differs from run to run, and `when=N` would count that, too: the files of the
 * program are written by pwrite64(2), which is for them alone.
 */
async function writeByPosition(): Promise<void> {
  const file = await open('/dev/null')
  const handles = Object.getPrototypeOf(file) as { writeFile: unknown; appendFile: unknown }
  await file.close()
  handles.writeFile = writeAll
  // With O_APPEND the position counts for nothing (pwrite(2)).
  handles.appendFile = writeAll
}

async function writeAll(this: FileHandle, data: string | Uint8Array): Promise<void> {
  const bytes = Buffer.from(data)
  for (let done = 0; done < bytes.length; )
    done += (await this.write(bytes, done, bytes.length - done, done)).bytesWritten
}

async function padPool(file: string): Promise<void> {
  for (let done = 0; done < pads; done += 1) {
    const handle = await open(file, 'w')
    await handle.chown(uid, gid)
    await handle.write('.', 0)
    await handle.close()
    await unlink(file)
    await mkdir('/').catch(() => {})
  }
  for (let done = 0; done < openPads; done += 1) await (await open('/dev/null')).close()
}

function padMain(file: string): void {
  for (let done = 0; done < pads; done += 1) {
    const handle = openSync(file, 'w')
    fchownSync(handle, uid, gid)
    writeSync(handle, '.', 0)
    closeSync(handle)
    unlinkSync(file)
    mkdirSync('/', { recursive: true })
  }
  for (let done = 0; done < openPads; done += 1) closeSync(openSync('/dev/null', 'r'))
}
