import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

const module = new URL('../../../src/host/without-compilers.ts', import.meta.url).href

t.test('the runtime knows each of the options: of one that it does not know it says so, and goes on', async (t) => {
  const run = (work: string) => promisify(execFile)(process.execPath, ['--input-type=module', '-e', work])

  t.same(await run(`(await import('${module}')).goOnWithoutCompilers()`), { stdout: '', stderr: '' })
  t.match((await run(`(await import('node:v8')).setFlagsFromString('--no-such-option')`)).stderr, /no-such-option/)
})
