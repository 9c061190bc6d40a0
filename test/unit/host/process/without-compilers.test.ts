import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

const module = new URL('../../../../src/host/process/without-compilers.ts', import.meta.url).href

t.test('the runtime knows each of the options: of one that it does not know it says so, and goes on', async (t) => {
  const run = (work: string) => promisify(execFile)(process.execPath, ['--input-type=module', '-e', work])

  for (const name of ['goOnWithoutCompilers', 'goOnWithCompilers'])
    t.same(await run(`(await import('${module}')).${name}()`), { stdout: '', stderr: '' }, name)
  t.match((await run(`(await import('node:v8')).setFlagsFromString('--no-such-option')`)).stderr, /no-such-option/)
})

t.test('what has been compiled at the start is taken again once the options are put back', async (t) => {
  const work = `
    const { goOnWithCompilers, goOnWithoutCompilers } = await import('${module}')
    const { Script } = await import('node:vm')
    // Of one length, which is what the runtime looks at; of one text it would have the code already.
    const text = (n) => '(function () { return ' + n + ' })'
    const cachedData = new Script(text(1)).createCachedData()
    const isTaken = (n) => !new Script(text(n), { cachedData }).cachedDataRejected
    goOnWithoutCompilers()
    const without = isTaken(2)
    goOnWithCompilers()
    console.log(without, isTaken(3))`

  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', work])

  t.equal(stdout, 'false true\n')
})
