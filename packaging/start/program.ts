import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { constants, Script } from 'node:vm'

/** The command line, and each half as a program of its own: the courier, and the deployer, which has no HTTP. */
export type ProgramName = 'waxseal' | 'courier' | 'deployer'

/** The program that has this command. */
export function programOf(command: string | undefined): ProgramName {
  return command === 'courier' || command === 'deployer' ? command : 'waxseal'
}

/** What the runtime has made of the program: a digest of both, then its code. */
export function codeFileOf(name: ProgramName): string {
  return join(__dirname, `${name}.code`)
}

/** The program: read from its code cache where that is whole, of this program and of this runtime; else compiled. */
export interface Program {
  run(): void
  /** What its code file is to contain: all that has been compiled until now. */
  code(): Buffer
}

/** One of the programs that lie beside the starter. */
export function openProgram(name: ProgramName): Program {
  const file = join(__dirname, `${name}.cjs`)
  const program = readFileSync(file)
  const cachedData = codeOf(program, codeFileOf(name))
  // As the runtime itself wraps a script. It is ASCII: no character becomes another one.
  const source = program.toString('latin1')
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  return {
    run: () => {
      const module = { exports: {} }
      script.runInThisContext()(module.exports, createRequire(file), module, file, __dirname)
    },
    code: () => {
      const code = script.createCachedData()
      return Buffer.concat([digestOf(program, code), code])
    },
  }
}

/** The runtime itself looks at its version and options, and of the program at no more than its length. */
function codeOf(program: Buffer, codeFile: string): Buffer | undefined {
  try {
    const cache = readFileSync(codeFile)
    const code = cache.subarray(digestBytes)
    return digestOf(program, code).equals(cache.subarray(0, digestBytes)) ? code : undefined
  } catch {
    return undefined
  }
}

const digestBytes = 32

function digestOf(program: Buffer, code: Buffer): Buffer {
  return createHash('sha256').update(program).update(code).digest()
}
