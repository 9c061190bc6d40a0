import { fileURLToPath } from 'node:url'

/** Most of a short run is reading the program: it is kept compiled between runs, here. */
export const compileCache = fileURLToPath(new URL('../../node_modules/.cache/waxseal-tests', import.meta.url))
