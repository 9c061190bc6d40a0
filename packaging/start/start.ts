#!/usr/bin/env node
import { openProgram, programOf } from './program.ts'

// What /usr/bin/waxseal and the units start.
openProgram(programOf(process.argv[2])).run()
