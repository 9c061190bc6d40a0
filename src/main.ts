#!/usr/bin/env node
import { runProgram } from './cli/program.ts'

// Without a top-level await: the bundle is a script.
void runProgram(process.argv).then((status) => {
  process.exitCode = status
})
