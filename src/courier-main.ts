import { courierCommand } from './cli/command/courier.ts'
import { runProgram } from './cli/program.ts'

// The half that faces the control plane, as a program of its own: it waits nearly all of its life, and keeps its text in memory.
void runProgram(process.argv, { courier: async () => courierCommand() }).then((status) => {
  process.exitCode = status
})
