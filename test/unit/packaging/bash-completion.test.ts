import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { bashCompletion } from '../../../packaging/bash-completion.ts'
import { commands } from '../../../src/cli/commands.ts'
import { waxsealProgram } from '../../../src/cli/program.ts'

const script = bashCompletion(await waxsealProgram(commands))

t.test('a command is completed', async (t) => {
  t.same(await complete('waxseal', 'enr'), ['enroll'])
})

t.test('the commands below a command are completed', async (t) => {
  t.same(await complete('waxseal', 'control-plane', 'ret'), ['retire'])
  t.same(await complete('waxseal', 'control-plane', 'operator', 'a'), ['add'])
})

t.test('the options of the command that is being written are completed', async (t) => {
  t.same(await complete('waxseal', 'control-plane', 'add-target', '--ta'), ['--target-config'])
  t.same(await complete('waxseal', 'probe', 'mail.example.net:25', '--ser'), ['--servername'])
})

t.test('the choices of an option are completed', async (t) => {
  t.same(await complete('waxseal', 'probe', '--protocol', 's'), ['smtp', 'sieve'])
})

/** What a real bash would offer for these words, the last of which is being written. */
async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const ask = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _waxseal; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await promisify(execFile)('bash', ['-c', ask, 'bash', ...words])
  return stdout.trim().split('\n')
}
