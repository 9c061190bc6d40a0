import { commands } from '../../src/cli/commands.ts'
import { runProgram } from '../../src/cli/program.ts'

/** Runs the command lines of its argument, a JSON list, one after the other; prints a JSON list of what each wrote. */
const { stdout, stderr } = process
const write = stdout.write.bind(stdout)
const said: string[] = []
for (const args of JSON.parse(process.argv[2] ?? '[]') as readonly (readonly string[])[]) {
  let text = ''
  for (const stream of [stdout, stderr])
    stream.write = (chunk: string | Uint8Array) => {
      text += String(chunk)
      return true
    }
  await runProgram(['node', 'waxseal', ...args], commands)
  said.push(text)
}
write(JSON.stringify(said))
process.exit(0)
