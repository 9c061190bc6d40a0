import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { Connector } from '../../../src/connector/connector.ts'
import { createRegistry } from '../../../src/connector/registry/registry.ts'
import { isUnwired, type Unwired, type Wiring } from '../../../src/connector/wiring/wiring.ts'
import { type DaemonPort, runOrThrow, waitForPorts } from '../../../src/demo/mail-host/daemon.ts'
import { deploy } from '../../../src/deployer/deploy.ts'
import { freePorts, makeFolder, makeTemporaryFolder, writeText } from '../../../src/host/file/plain-files.ts'
import { createHostView } from '../../../src/host/host-view.ts'
import type { Outcome } from '../../../src/outcome/outcome.ts'
import type { Command } from '../../../src/plan/plan.ts'
import type { TestPair } from '../../support/certificates.ts'
import { openTestEngine } from '../../support/deployment.ts'
import { removeWhenQuiet } from '../../support/remove-when-quiet.ts'

/** A private web server or proxy with settings of a test's own, reached through them alone. */
export interface WiredWeb {
  readonly dir: string
  readonly ports: readonly number[]
  readWiring(): Promise<Wiring | Unwired>
  /** A target that names neither endpoint nor command. */
  deploy(pair: TestPair, target: Readonly<Record<string, unknown>>): Promise<Outcome>
}

/** How such a daemon is started. */
export interface WebProgram {
  readonly connectorOf: (dir: string) => unknown
  readonly start: (dir: string) => readonly Command[]
  readonly stop: (dir: string) => Promise<void>
  /** What its plans run. */
  readonly commands: (dir: string) => readonly Command[]
}

/** Files by name below the folder; in those that are no PEM `DIR` stands for it, `PORT1` and on for free ports, which are waited for as what they speak. */
export async function startWiredWeb(
  t: Test,
  { connectorOf, start, stop, commands }: WebProgram,
  files: Readonly<Record<string, string>>,
  speaks: readonly (DaemonPort['protocol'] | null)[],
): Promise<WiredWeb> {
  const dir = await makeTemporaryFolder('waxseal-web-wiring-')
  t.teardown(() => removeWhenQuiet(dir))
  const ports = await freePorts(speaks.length)
  for (const [name, text] of Object.entries(files)) {
    await makeFolder(dirname(join(dir, name)))
    const filled = text
      .replaceAll('DIR', dir)
      .replaceAll(/PORT(\d)/g, (_, index: string) => String(ports[Number(index) - 1]))
    // Among the letters of a PEM there may be anything.
    await writeText(join(dir, name), text.includes('-----BEGIN') ? text : filled, 0o600)
  }
  for (const command of start(dir)) await runOrThrow(command)
  t.teardown(() => stop(dir))
  const waited = ports.map((port, index) => ({ name: 'web', port, protocol: speaks[index] ?? null }))
  await waitForPorts(waited.flatMap(({ protocol, ...rest }) => (protocol === null ? [] : [{ ...rest, protocol }])))
  const engine = await openTestEngine(
    dir,
    commands(dir).map((command) => command.join(' ')),
    { dane: 'off' },
  )
  const connector = connectorOf(dir) as Connector
  const registry = createRegistry([connector])
  return {
    dir,
    ports,
    readWiring: async () => connector.readWiring?.(createHostView(30_000, () => '/nowhere')) ?? unread(),
    deploy: (pair, config) =>
      deploy(
        {
          target: 'site',
          connector: connector.name,
          config,
          certificatePem: pair.certificatePem,
          chainPem: pair.chainPem,
          findKey: async () => pair.keyPem,
        },
        { ...engine, registry },
      ),
  }
}

function unread(): never {
  throw new Error('it has no wiring to read')
}

/** The wiring of a daemon that tells it. */
export function told(answer: Wiring | Unwired): Wiring {
  if (isUnwired(answer)) throw new Error(answer.reason)
  return answer
}

/** The process whose number a file holds is told to end. */
export async function endProcess(file: string): Promise<void> {
  process.kill(Number(await readFile(file, 'utf8')), 'SIGTERM')
}

/** Each address, port offset, protocol, name and file of a wiring, `DIR/` left off, a line each. */
export function linesOf({ listeners }: Wiring, { dir, ports }: Pick<WiredWeb, 'dir' | 'ports'>): readonly string[] {
  return listeners.map(({ host, port, protocol, servername, files, proxy }) => {
    const at = `${host} PORT${ports.indexOf(port) + 1} ${protocol}${proxy === undefined ? '' : ` proxy${proxy}`}`
    const reads = files.map(({ path, role }) => `${role[0]}:${path.replace(`${dir}/`, '')}`)
    return `${at} ${servername ?? '-'} ${reads.join(' ')}`
  })
}
