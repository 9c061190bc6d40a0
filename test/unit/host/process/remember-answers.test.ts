import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { rememberAnswers } from '../../../../src/host/process/remember-answers.ts'

const command = ['postconf', '-M'] as const

t.test('the answer of before is given while no file has changed', async (t) => {
  const { ask, file, later } = open(t)

  t.equal((await ask(command, [file])).stdout, '1')
  t.equal((await ask(command, [file])).stdout, '2', 'a file of this moment is not trusted yet')
  later()
  t.equal((await ask(command, [file])).stdout, '3')
  t.equal((await ask(command, [file])).stdout, '3')
  t.equal((await ask(['postconf', '-P'], [file])).stdout, '4')
  writeFileSync(file, 'xy')
  t.equal((await ask(command, [file])).stdout, '5')
})

t.test('also a change that keeps size and time of the last write is one', async (t) => {
  const { ask, file, later } = open(t)
  const time = new Date('2026-01-01T00:00:00Z')
  utimesSync(file, time, time)
  later()
  await ask(command, [file])

  writeFileSync(file, 'y')
  utimesSync(file, time, time)

  t.equal((await ask(command, [file])).stdout, '2')
})

t.test('what fails, or reads a file that is not there, is asked each time', async (t) => {
  const { ask, file, later } = open(t, 1)
  later()
  t.equal((await ask(command, [file])).stdout, '1')
  t.equal((await ask(command, [file])).stdout, '2')
  const fine = open(t)
  fine.later()
  t.equal((await fine.ask(command, [fine.file, `${fine.file}.none`])).stdout, '1')
  t.equal((await fine.ask(command, [fine.file, `${fine.file}.none`])).stdout, '2')
})

function open(t: Test, exitCode = 0) {
  const file = join(t.testdir({ 'main.cf': 'x' }), 'main.cf')
  let count = 0
  const now = Date.now.bind(Date)
  t.teardown(() => {
    Date.now = now
  })
  return {
    file,
    ask: rememberAnswers(async () => {
      count += 1
      return { exitCode, stdout: String(count) }
    }),
    /** A minute passes. */
    later: () => {
      Date.now = () => now() + 60_000
    },
  }
}
