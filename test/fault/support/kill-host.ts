import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../../src/config/load-config.ts'
import { openEngine } from '../../../src/deployer/open-engine.ts'
import { type Recovered, recover } from '../../../src/deployer/recover.ts'
import { showHost } from '../../../src/deployer/view.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { removeTree, writeText } from '../../../src/host/file/plain-files.ts'
import { isRoot } from '../../../src/host/host-facts.ts'
import { type StarttlsServer, startStarttlsServer } from '../../../src/host/socket/starttls-server.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import { builtProgram } from '../../support/built-program.ts'
import type { TestPair } from '../../support/certificates.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'
import { deployInputs, type Input } from './deploy-inputs.ts'
import { commandCalls, fileCalls, isChange, isCommand, startHeld } from './held-run.ts'
import { contentsOf, type Layout, pathsOf, type Scenario } from './scenario.ts'

/** The pair that is there before, and the one that is deployed. Each has a chain of its own. */
export interface Pairs {
  readonly old: TestPair
  readonly new: TestPair
}

/** A host in a folder: its live files, its state directory, and a mail server that reads the files at each connection. */
export interface KillHost {
  /** All that the program may change is below it. */
  readonly dir: string
  readonly live: string
  readonly port: number
  readonly scenario: Scenario
  readonly pairs: Pairs
  /** Makes the state that the scenario starts from, and saves it as `start`. */
  prepare(): Promise<void>
  save(name: string): Promise<void>
  restore(name: string): Promise<void>
  /** Runs `waxseal deploy` or `waxseal recover` to its end, held after each call that changes the host or begins a command. */
  run(command: 'deploy' | 'recover', onHeld: (line: string) => Promise<void>): Promise<void>
  /** What a start of the agent does first. */
  recover(): Promise<readonly Recovered[]>
  /** The deployment once more; `proven`: with endpoints that all serve. */
  deploy(target: 'same' | 'proven'): Promise<Outcome>
  /** How many results each target has on record; not a whole number: not all have the same. */
  results(): Promise<number>
  close(): Promise<void>
}

const none: TestPair = { certificatePem: '', keyPem: '', chainPem: '', sha256: '' }

/** Opens a host in an empty folder. */
export async function openKillHost(base: string, scenario: Scenario, pairs: Pairs): Promise<KillHost> {
  const at = (...names: readonly string[]): string => join(base, ...names)
  const [dir, live, state] = [at('host'), at('host', 'live'), at('host', 'state')]
  const server = await startStarttlsServer('smtp', servedFiles(scenario.layout, live))
  const endpoint = { endpoint: `127.0.0.1:${server.port}`, protocol: 'smtp' }
  const proven = pathsOf(scenario.layout, live).map((paths) => ({ ...paths, ...commands, endpoints: [endpoint] }))
  const other = await serveOther(at('other'), pairs.old)
  const failing = {
    post_deploy_verify: { endpoint: `127.0.0.1:${other.port}`, protocol: 'smtp' },
    post_deploy_verify_attempts: 1,
    post_deploy_verify_backoff: '10ms',
  }
  const same = scenario.ends === 'deployed' ? proven : proven.map((config) => ({ ...config, ...failing }))
  const isAlone = proven.length === 1
  const engine = async () => openEngine(await loadConfig({ file: at('input', 'waxseal.yaml'), env: {} }), systemClock)
  /** As a command of root's, and the deployer, end: what people may see is written anew. */
  const shown = async <T>(work: (opened: Awaited<ReturnType<typeof engine>>) => Promise<T>): Promise<T> => {
    const opened = await engine()
    const result = await work(opened)
    await showHost(state, opened)
    return result
  }
  const deployPair = async ({ certificatePem, chainPem, keyPem }: TestPair, configs: readonly object[]) => {
    const inputs = configs.map((config, index): Input => {
      const target = isAlone ? at('input', 'target.json') : `target-${index}`
      return { target, config, certificatePem, chainPem, keyPem }
    })
    const outcomes = await shown((opened) => deployInputs(inputs, opened))
    const bad = outcomes.find(({ outcome }) => outcome !== 'deployed' && outcome !== 'unchanged')
    const [outcome = bad] = bad === undefined ? outcomes : [bad]
    if (outcome === undefined || outcomes.length !== configs.length) throw new Error('not every target has an outcome')
    return outcome
  }
  await mkdir(at('input'), { recursive: true })
  const policy = { roots: [live], commands: ['true'] }
  await writeText(at('input', 'waxseal.yaml'), JSON.stringify({ state_dir: state, policy }))
  await writeText(at('input', 'target.json'), JSON.stringify(same[0]))
  const inputs = same.map((config, index): Input => ({ ...pairs.new, target: `target-${index}`, config }))
  await writeText(at('input', 'inputs.json'), JSON.stringify(inputs), 0o600)
  await writeText(at('input', 'cert.pem'), pairs.new.certificatePem)
  await writeText(at('input', 'chain.pem'), pairs.new.chainPem)
  await writeText(at('input', 'key.pem'), pairs.new.keyPem, 0o600)
  const restore = async (name: string): Promise<void> => {
    await removeTree(dir)
    await copyTree(at(name), dir)
  }
  const save = async (name: string): Promise<void> => {
    await removeTree(at(name))
    await copyTree(dir, at(name))
  }
  return {
    dir,
    live,
    port: server.port,
    scenario,
    pairs,
    save,
    restore,
    prepare: async () => {
      await mkdir(live, { recursive: true })
      if (scenario.start === 'deployed') await deployPair(pairs.old, proven)
      const found = scenario.start === 'found' ? contentsOf(scenario.layout, pairs.old) : {}
      if (scenario.layout === 'two targets') await mkdir(join(live, 'second'), { recursive: true })
      for (const [name, text] of Object.entries(found)) await writeText(join(live, name), text)
      if (scenario.start !== 'nothing') await dress(scenario.layout, live)
      await save('start')
    },
    run: async (command, onHeld) => {
      const files = ['cert', 'chain', 'key'].flatMap((name) => [`--${name}`, at('input', `${name}.pem`)])
      const target = ['--connector', 'opensmtpd', '--name', 'mail', '--target', at('input', 'target.json')]
      const args = [command, '--config', at('input', 'waxseal.yaml')]
      const program =
        command === 'deploy' && !isAlone
          ? [batchProgram, at('input', 'waxseal.yaml'), at('input', 'inputs.json')]
          : [builtProgram, ...args, ...(command === 'deploy' ? [...target, ...files, '--json'] : [])]
      const { exited, said } = startHeld({
        argv: [process.execPath, ...program],
        env: { NODE_COMPILE_CACHE: join(base, '..', 'compile-cache') },
        watched: [...fileCalls, ...commandCalls],
        isOurs: (call) => isCommand(call) || isChange(call, dir),
        onHeld: async ({ line }) => {
          await onHeld(line)
          return 'go on'
        },
      })
      const status = await exited
      if (typeof status === 'string') throw new Error(`${command} was ended by ${status}: ${said()}`)
    },
    recover: () => shown(recover),
    deploy: (target) => deployPair(pairs.new, target === 'same' ? same : proven),
    results: async () => {
      const lines = (await readFile(join(state, 'history.jsonl'), 'utf8').catch(() => '')).split('\n').length - 1
      return lines / proven.length
    },
    close: async () => {
      await Promise.all([server.close(), other.close()])
      await removeWhenQuiet(base)
    },
  }
}

const batchProgram = fileURLToPath(new URL('deploy-inputs-program.ts', import.meta.url))
const commands = { validate_command: 'true', reload_command: 'true' }

/** Shows the old leaf whatever is deployed: a deployment that names it is undone. */
async function serveOther(folder: string, pair: TestPair): Promise<StarttlsServer> {
  const files = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') }
  await mkdir(folder, { recursive: true })
  await writeText(files.certPath, pair.certificatePem)
  await writeText(files.keyPath, pair.keyPem, 0o600)
  return startStarttlsServer('smtp', files)
}

function servedFiles(layout: Layout, live: string): { readonly certPath: string; readonly keyPath: string } {
  const names = Object.keys(contentsOf(layout, none))
  const [certName = '', keyName = certName] = [names[0], names.findLast((name) => !name.startsWith('second/'))]
  return { certPath: join(live, certName), keyPath: join(live, keyName) }
}

/** Gives the files modes and a group that are no defaults, so that keeping them can be seen. */
async function dress(layout: Layout, live: string): Promise<void> {
  for (const name of Object.keys(contentsOf(layout, none))) {
    if (isRoot()) await chown(join(live, name), 0, 8)
    await chmod(join(live, name), /^(current\/|second\/)?(key|both)\.pem$/.test(name) ? 0o440 : 0o604)
  }
}

/** With modes, owners, times, links and hard links. */
async function copyTree(from: string, to: string): Promise<void> {
  const [code] = (await once(spawn('cp', ['-a', from, to], { stdio: 'inherit' }), 'close')) as [number | null]
  if (code !== 0) throw new Error(`cp -a ${from} ${to} failed`)
}
