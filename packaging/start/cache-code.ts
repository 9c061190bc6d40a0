import { writeFileSync } from 'node:fs'
import { codeFile, openProgram } from './program.ts'

// Run once, when the package is installed: the help of the agent loads all that it is made of, and starts nothing.
const program = openProgram()
process.argv.splice(2, Number.POSITIVE_INFINITY, 'agent', '--help')
process.on('exit', (status) => {
  if (status === 0) writeFileSync(codeFile, program.code(), { mode: 0o644 })
})
program.run()
