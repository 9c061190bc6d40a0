import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as after } from 'node:timers/promises'
import { documentsVersion } from '../../src/documents/documents-version.ts'
import { goOnWithCompilers } from '../../src/host/process/without-compilers.ts'
import { codeFileOf, openProgram, programOf } from './program.ts'

// Run for each program, `waxseal`, `courier` and `deployer`, when the package is installed. A half starts in a folder of its own, with nobody to
// talk to, answers for itself, and ends: what the runtime has compiled by then is what each start needs.
const name = programOf(process.argv[2])
const dir = mkdtempSync(join(tmpdir(), 'waxseal-code-'))
const socketPath = join(dir, 'status')
const deployerPath = join(dir, 'deployer')
const program = openProgram(name)
const socketOptions = name === 'deployer' ? ['--socket', deployerPath, '--stay'] : ['--deployer', deployerPath]
const command = name === 'deployer' ? 'deployer' : 'courier'
process.argv.splice(2, Number.POSITIVE_INFINITY, command, '--config', writeConfig(), ...socketOptions)
process.on('exit', (status) => {
  rmSync(dir, { recursive: true, force: true })
  if (status !== 0) return
  // Code is taken by a runtime with equal options only.
  goOnWithCompilers()
  writeFileSync(codeFileOf(name), program.code())
  chmodSync(codeFileOf(name), 0o644)
})
program.run()
void endWhen(name === 'deployer' ? hasAnswered : hasPolled)

/** Nobody listens at port 1 (tcpmux). */
function writeConfig(): string {
  const file = join(dir, 'waxseal.yaml')
  const credential = join(dir, 'credential')
  writeFileSync(credential, 'none', { mode: 0o600 })
  const controlPlane = { url: 'https://127.0.0.1:1', agent_id: 'none', credential_file: credential }
  const status = { listen: `unix:${socketPath}` }
  writeFileSync(file, JSON.stringify({ control_plane: controlPlane, state_dir: join(dir, 'state'), status }))
  return file
}

/** A half that ends by itself is not waited for. */
async function endWhen(isOver: () => Promise<boolean>): Promise<void> {
  setTimeout(() => process.exit(1), 30_000).unref()
  while (!(await isOver())) await after(20, undefined, { ref: false })
  process.kill(process.pid, 'SIGTERM')
}

async function hasPolled(): Promise<boolean> {
  try {
    await ask('/readyz')
    const { notReady } = JSON.parse(await ask('/status')) as { readonly notReady: readonly string[] }
    return notReady.some((reason) => reason.includes('DEPLOYER_UNREACHABLE'))
  } catch {
    return false
  }
}

/** All that it is asked for without any work. A refusal is no answer: the code of one is not what starts need. */
async function hasAnswered(): Promise<boolean> {
  const answers = [
    { ask: 'introduce' },
    { ask: 'answers', seen: null, after: null, waitMs: 0 },
    { ask: 'work' },
    { ask: 'inspect' },
  ].map((document) => answerTo(JSON.stringify({ v: documentsVersion, document })))
  const lines = await Promise.all(answers)
  return lines.every((line) => line !== '' && !line.includes('"error"'))
}

async function answerTo(line: string): Promise<string> {
  const socket = connect(deployerPath)
  socket.write(`${line}\n`)
  return text(socket).catch(() => '')
}

async function ask(path: string): Promise<string> {
  return text(
    await new Promise<IncomingMessage>((resolve, reject) => {
      request({ socketPath, path }, resolve).on('error', reject).end()
    }),
  )
}
