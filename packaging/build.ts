import { join } from 'node:path'
import { bundle } from './bundle.ts'
import { root } from './root.ts'

const folders = await bundle(root, join(root, 'dist'))
process.stdout.write(`dist/waxseal.cjs: Waxseal and ${folders.length} packages.\n`)
