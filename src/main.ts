#!/usr/bin/env node
import { runProgram } from './cli/program.ts'

/** As Node's own for a module: https://nodejs.org/api/process.html#exit-codes */
const neverSettled = 13

// Without a top-level await: the bundle is a script. Where nothing is left that could end the command, that is no success.
const endsInTheMiddle = (): void => {
  process.exitCode = neverSettled
}
process.once('beforeExit', endsInTheMiddle)
void runProgram(process.argv).then((status) => {
  process.off('beforeExit', endsInTheMiddle)
  process.exitCode = status
})
