import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { withinTime } from '../../../../src/connector/registry/within-time.ts'

const patient = new AbortController().signal

t.test('what the work comes to is what comes back, also where it fails at once', async (t) => {
  const failing = (): never => {
    throw new Error('boom')
  }

  t.equal(await withinTime(60_000, patient, async () => 1), 1)
  await t.rejects(withinTime(60_000, patient, failing), /boom/)
})

t.test('work that its caller waits for no longer is told to stop', async (t) => {
  const [caller, signals] = [new AbortController(), [] as AbortSignal[]]
  const working = withinTime(60_000, caller.signal, (signal) => {
    signals.push(signal)
    return new Promise(() => {})
  })

  caller.abort()

  await t.rejects(working, /longer than its caller waits/)
  t.equal(signals[0]?.aborted, true)
})

t.test('a process whose only work never ends is kept until it is said, not ended without a word', async (t) => {
  const module = new URL('../../../../src/connector/registry/within-time.ts', import.meta.url).href
  const program = `import { withinTime } from '${module}'
    await withinTime(50, new AbortController().signal, () => new Promise(() => {})).catch(({ message }) => console.log(message))`

  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'ignore'] })

  t.match(await text(child.stdout), 'it takes longer than 0.05 s')
  t.same(child.exitCode === null ? await once(child, 'exit') : [child.exitCode, null], [0, null])
})
