import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as after } from 'node:timers/promises'
import { goOnWithCompilers } from '../../src/host/process/without-compilers.ts'
import { codeFile, openProgram } from './program.ts'

// Run once, when the package is installed. An agent starts in a folder of its own, asks a control plane that is not there, answers
// for itself, and ends: what the runtime has compiled by then is what each start needs.
const dir = mkdtempSync(join(tmpdir(), 'waxseal-code-'))
const socketPath = join(dir, 'status')
const program = openProgram()
process.argv.splice(2, Number.POSITIVE_INFINITY, 'agent', '--config', writeConfig())
process.on('exit', (status) => {
  rmSync(dir, { recursive: true, force: true })
  if (status !== 0) return
  // Code is taken by a runtime with equal options only.
  goOnWithCompilers()
  writeFileSync(codeFile, program.code())
  chmodSync(codeFile, 0o644)
})
program.run()
void endWhenStarted()

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

/** An agent that ends by itself is not waited for. */
async function endWhenStarted(): Promise<void> {
  setTimeout(() => process.exit(1), 30_000).unref()
  while (!(await hasPolled())) await after(20, undefined, { ref: false })
  process.kill(process.pid, 'SIGTERM')
}

async function hasPolled(): Promise<boolean> {
  try {
    await ask('/readyz')
    const { controlPlane } = JSON.parse(await ask('/status')) as { readonly controlPlane: { readonly error: unknown } }
    return controlPlane.error !== null
  } catch {
    return false
  }
}

async function ask(path: string): Promise<string> {
  return text(
    await new Promise<IncomingMessage>((resolve, reject) => {
      request({ socketPath, path }, resolve).on('error', reject).end()
    }),
  )
}
