import { join, relative } from 'node:path'
import { buildPackages } from './build-packages.ts'
import { root } from './root.ts'
import { type Architecture, architectures } from './runtime.ts'

const wanted = process.argv.slice(2)
const all = Object.keys(architectures) as readonly Architecture[]
const chosen = all.filter((one) => wanted.length === 0 || wanted.includes(one))
const files = await buildPackages(root, join(root, 'dist'), chosen)
for (const file of files) process.stdout.write(`${relative(root, file)}\n`)
