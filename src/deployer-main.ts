import { deployerCommand } from './cli/command/deployer.ts'
import { runProgram } from './cli/program.ts'

// The half that deploys, as a program of its own: without what the other commands need, it starts sooner.
void runProgram(process.argv, { deployer: async () => deployerCommand() }).then((status) => {
  process.exitCode = status
})
