import { performance } from 'node:perf_hooks'
import { baseImage } from './base-image.ts'
import { oldPackage } from './old-package.ts'

// Makes what the files of `npm run test:host` share, before two of them would make it at once. What is there stays.
const begun = performance.now()
const made = async (what: string, making: Promise<unknown>): Promise<void> => {
  await making
  process.stdout.write(`${what}: there after ${Math.round((performance.now() - begun) / 1000)} s\n`)
}
await Promise.all([
  made('Debian 12', baseImage('bookworm')),
  made('Debian 13', baseImage('trixie')),
  made('the package of version 0.1', oldPackage()),
])
