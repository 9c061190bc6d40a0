import { readFileSync } from 'node:fs'

// For `--import`: the clock of a program that is `WAXSEAL_TEST_CLOCK`'s milliseconds ahead, or behind. It jumps when the file is written.
const file = process.env['WAXSEAL_TEST_CLOCK']
const real = Date.now.bind(Date)
if (file !== undefined) Date.now = () => real() + Number(readFileSync(file, 'utf8'))
