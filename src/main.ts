#!/usr/bin/env node
import { commands } from './cli/commands.ts'
import { ignoreClosedPipe } from './cli/ignore-closed-pipe.ts'
import { runProgram } from './cli/program.ts'

ignoreClosedPipe()

// Without a top-level await: the bundle is a script.
void runProgram(process.argv, commands).then((status) => {
  process.exitCode = status
})
