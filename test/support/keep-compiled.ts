import { enableCompileCache } from 'node:module'
import { compileCache } from './compile-cache.ts'

// For `--import`, which an agent passes on to its halves: of NODE_COMPILE_CACHE it cleans their environment.
enableCompileCache(compileCache)
