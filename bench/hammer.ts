import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Daemon, runOrThrow } from '../src/demo/mail-host/daemon.ts'
import { startDovecot } from '../src/demo/mail-host/dovecot-instance.ts'
import { startPostfix } from '../src/demo/mail-host/postfix-instance.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { probeOnce } from '../src/verify/probe-once.ts'
import { makeAuthority, type TestPair } from '../test/support/certificates.ts'
import { deployPair, openTestEngine } from '../test/support/deployment.ts'

/** What four clients per port saw while certificates were deployed. */
interface Count {
  readonly layout: 'files' | 'generation' | 'chain file'
  readonly daemon: string
  readonly deployments: number
  handshakes: number
  failed: number
  foreign: number
  /** How often each was seen. */
  readonly errors: Map<string, number>
}

type Start = (dir: string, pair: TestPair, paths: Pick<Daemon, 'certPath' | 'keyPath'>) => Promise<Daemon>

/**
 * By default a login process takes one connection, from the STARTTLS port first: clients without a pause leave it nothing to take
 * from the other port, deployment or not.
 */
const manyPerLogin = ['imap', 'pop3'].map((name) => `service ${name}-login {\n  service_count = 0\n}\n`).join('')

const daemonStarts: readonly Start[] = [
  (dir, pair, paths) => startPostfix(dir, pair, paths),
  (dir, pair, paths) => startDovecot(dir, pair, paths, manyPerLogin),
]
const clients = 4
const deployments = Number(process.argv.find((arg) => /^\d+$/.test(arg)) ?? 100)

const isJson = process.argv.includes('--json')

const authority = await makeAuthority()
const pairs = await Promise.all(['one', 'two'].map(() => authority.issue({ names: ['mail.example.net'] })))
const counts: Count[] = []
for (const layout of ['files', 'generation', 'chain file'] as const)
  for (const start of daemonStarts) await measure(layout, start)
if (isJson) print(JSON.stringify(counts.map(asDocument), null, 2))

/** A layout takes minutes: each is told as soon as it is known. */
async function measure(layout: Count['layout'], start: Start): Promise<void> {
  const count = await hammer(layout, start)
  counts.push(count)
  if (!isJson) for (const line of linesOf(count)) print(line)
}

function asDocument(count: Count): object {
  return { ...count, errors: Object.fromEntries(count.errors) }
}

function linesOf({ layout, daemon, handshakes, failed, foreign, errors }: Count): readonly string[] {
  const seen = `${handshakes} handshakes: ${failed} failed, ${foreign} of neither leaf`
  return [
    `${layout.padEnd(11)} ${daemon.padEnd(8)} ${deployments} deployments, ${seen}`,
    ...[...errors].map(([error, times]) => `            ${times} × ${error}`),
  ]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function hammer(layout: Count['layout'], start: Start): Promise<Count> {
  const dir = await makeTemporaryFolder('waxseal-hammer-')
  const tls = join(dir, 'tls')
  await makeFolder(tls)
  const first = pairs[0] as TestPair
  const changes = changesFor(layout, tls)
  if (layout === 'generation') await linkFirstGeneration(tls)
  const daemon = await start(dir, first, pathsFor(layout, tls))
  try {
    if (layout === 'chain file' && daemon.name === 'postfix') await readChainFile(daemon)
    const engine = await openTestEngine(dir, [daemon.check.join(' '), daemon.reload.join(' ')])
    const count: Count = {
      layout,
      daemon: daemon.name,
      deployments,
      handshakes: 0,
      failed: 0,
      foreign: 0,
      errors: new Map<string, number>(),
    }
    const stop = new AbortController()
    const workers = daemon.ports.flatMap((port) =>
      Array.from({ length: clients }, () => client(port, count, stop.signal)),
    )
    for (let turn = 0; turn < deployments; turn += 1) {
      const pair = pairs[(turn + 1) % 2] as TestPair
      const outcome = await deployPair(engine, daemon, pair, changes)
      if (outcome.outcome !== 'deployed') add(count, `deployment: ${outcome.outcome}: ${outcome.message}`)
    }
    stop.abort()
    await Promise.all(workers)
    return count
  } finally {
    await daemon.stop()
    await removeTree(dir)
  }
}

function pathsFor(layout: string, tls: string): { readonly certPath: string; readonly keyPath: string } {
  if (layout === 'chain file') return { certPath: join(tls, 'pair.pem'), keyPath: join(tls, 'pair.pem') }
  const folder = layout === 'generation' ? join(tls, 'current') : tls
  return { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') }
}

async function linkFirstGeneration(tls: string): Promise<void> {
  await makeFolder(join(tls, 'generations', 'first'))
  await symlink('generations/first', join(tls, 'current'))
}

/** `smtpd_tls_chain_files` takes the place of the other settings: one file, read once. Dovecot names it twice and reads it twice. */
async function readChainFile({ certPath, reload }: Daemon): Promise<void> {
  await runOrThrow(['postconf', '-c', reload[2] ?? '', '-e', `smtpd_tls_chain_files=${certPath}`])
  await runOrThrow(reload)
}

function changesFor(layout: string, tls: string): Readonly<Record<string, unknown>> {
  return layout === 'generation' ? { layout: 'generation', directory: tls } : {}
}

function add({ errors }: Count, error: string): void {
  errors.set(error, (errors.get(error) ?? 0) + 1)
}

async function client(port: Daemon['ports'][number], count: Count, signal: AbortSignal): Promise<void> {
  const known = pairs.map(({ sha256 }) => sha256)
  while (!signal.aborted) {
    const look = await probeOnce({
      host: '127.0.0.1',
      port: port.port,
      protocol: port.protocol,
      servername: null,
      keyType: null,
      timeoutMs: 20_000,
    })
    count.handshakes += 1
    if (look.leaf === null) {
      count.failed += 1
      add(count, `${port.name}: ${look.error}`)
    } else if (!known.includes(look.leaf.sha256)) count.foreign += 1
  }
}
