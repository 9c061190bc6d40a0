#!/usr/bin/env node
import { openProgram } from './program.ts'

// What /usr/bin/waxseal and the unit start.
openProgram().run()
