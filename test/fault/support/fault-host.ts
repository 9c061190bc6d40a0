import { X509Certificate } from 'node:crypto'
import { chmod, chown, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder } from '../../../src/host/file/folder/private-folder.ts'
import { writeText } from '../../../src/host/file/plain-files.ts'
import { type StarttlsServer, startStarttlsServer } from '../../../src/host/socket/starttls-server.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { type Ran, runWaxseal } from '../../support/run-waxseal.ts'
import { servedLeaf } from '../../support/served-leaf.ts'

const authority = await makeAuthority()

/** Where a host of a test has its files. */
export interface FaultHostOptions {
  /** For the configuration and the new pair, which no fault touches. */
  readonly dir: string
  /** A folder for the destination, and one for the state directory; they may be on disks that are not yet mounted. */
  readonly live: string
  readonly state: string
  readonly layout: 'files' | 'generation'
  /** The check command of the target; default: `true`. */
  readonly check?: string
  /** The names of the new certificate; default: one. */
  readonly names?: readonly string[]
}

/** A host with a server that reads its pair for each connection, and a new pair that waits to be deployed. */
export interface FaultHost extends FaultHostOptions {
  readonly certPath: string
  readonly keyPath: string
  readonly oldPair: TestPair
  readonly newPair: TestPair
  readonly deployArgs: readonly string[]
  readonly recoverArgs: readonly string[]
  /** Puts the old pair there: with generations by a deployment, else by hand, with a group of its own on the key. */
  install(): Promise<void>
  deploy(): Promise<Ran>
  recover(): Promise<Ran>
  /** The leaf of the pair on disk; an error when certificate and key do not match. */
  leafOnDisk(): Promise<string>
  /** What is wrong now that recovery is over; empty: nothing. */
  violations(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Makes a host; `install` it when its disks are mounted. */
export async function openFaultHost(options: FaultHostOptions): Promise<FaultHost> {
  const { dir, live, state, layout, check = 'true', names = ['mail.example.net'] } = options
  const at = (name: string): string => join(dir, name)
  const folder = layout === 'files' ? live : join(live, 'current')
  const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const [oldPair, newPair] = await Promise.all([
    authority.issue({ names: ['mail.example.net'] }),
    authority.issue({ names }),
  ])
  const server = await startStarttlsServer('smtp', { certPath, keyPath })
  await writeText(
    at('waxseal.yaml'),
    JSON.stringify({ state_dir: state, policy: { roots: [dir], commands: ['true', check] } }),
  )
  await writeText(at('target.json'), JSON.stringify(targetOf(options, server, { certPath, keyPath })))
  for (const [name, pair] of [['old', oldPair] as const, ['new', newPair] as const]) {
    await writeText(at(`${name}.pem`), pair.certificatePem)
    await writeText(at(`${name}.key`), pair.keyPem, 0o600)
  }
  const argsOf = (pair: string): readonly string[] =>
    `deploy --json --connector opensmtpd --config ${at('waxseal.yaml')} --target ${at('target.json')}`
      .split(' ')
      .concat('--cert', at(`${pair}.pem`), '--key', at(`${pair}.key`))
  const recoverArgs = ['recover', '--json', '--config', at('waxseal.yaml')]
  const leafOnDisk = async (): Promise<string> => {
    const [cert, key] = await Promise.all([readFile(certPath, 'utf8'), readFile(keyPath, 'utf8')])
    const leaf = new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase()
    const pair = [oldPair, newPair].find(({ sha256 }) => sha256 === leaf)
    if (pair === undefined || pair.certificatePem.trim() !== cert.trim())
      throw new Error('the certificate is not whole')
    if (pair.keyPem.trim() !== key.trim()) throw new Error('certificate and key do not match')
    return leaf
  }
  return {
    ...options,
    certPath,
    keyPath,
    oldPair,
    newPair,
    recoverArgs,
    leafOnDisk,
    deployArgs: argsOf('new'),
    install: async () => {
      await ensureFolder(live)
      await ensureFolder(state)
      if (layout === 'generation') return mustDeploy(await runWaxseal(argsOf('old')))
      await writeText(certPath, oldPair.certificatePem)
      await writeText(keyPath, oldPair.keyPem, keyMode)
      await chown(keyPath, 0, keyGroup)
      await chmod(keyPath, keyMode)
    },
    deploy: () => runWaxseal(argsOf('new')),
    recover: () => runWaxseal(recoverArgs),
    violations: () => violationsOf(options, { keyPath, server, leafOnDisk }),
    close: () => server.close(),
  }
}

const keyMode = 0o640
const keyGroup = 8

function targetOf(
  { layout, live, check = 'true' }: FaultHostOptions,
  { port }: StarttlsServer,
  { certPath, keyPath }: { readonly certPath: string; readonly keyPath: string },
): object {
  const paths = layout === 'files' ? { cert_path: certPath, key_path: keyPath } : { layout, directory: live }
  return {
    ...paths,
    reload_command: 'true',
    validate_command: check,
    endpoints: [{ endpoint: `127.0.0.1:${port}`, protocol: 'smtp' }],
    post_deploy_verify_attempts: 2,
    post_deploy_verify_backoff: '10ms',
  }
}

function mustDeploy({ status, stdout, stderr }: Ran): void {
  if (status !== 0) throw new Error(`the first deployment failed: ${stdout}${stderr}`)
}

async function violationsOf(
  { live, state, layout }: FaultHostOptions,
  host: { readonly keyPath: string; readonly server: StarttlsServer; readonly leafOnDisk: () => Promise<string> },
): Promise<readonly string[]> {
  const found: string[] = []
  const onDisk = await host.leafOnDisk().catch((error: Error) => {
    found.push(`on disk: ${error.message}`)
  })
  const served = await servedLeaf({ port: host.server.port, protocol: 'smtp' })
  if (served !== onDisk) found.push(`served: ${served}, on disk: ${onDisk}`)
  for (const folder of [live, state]) {
    const names = await readdir(folder, { recursive: true })
    found.push(...names.filter((name) => name.includes('.waxseal-')).map((name) => `left over: ${join(folder, name)}`))
  }
  const journal = (await readdir(join(state, 'journal')).catch(() => [])).filter((name) => name.includes('.json'))
  found.push(...journal.map((name) => `in the journal: ${name}`))
  if (layout === 'generation') {
    const generations = await readdir(join(live, 'generations'))
    if (generations.length !== 1) found.push(`generations: ${generations.join(', ')}`)
    return found
  }
  const { mode, gid } = await stat(host.keyPath).catch(() => ({ mode: 0, gid: 0 }))
  if ((mode & 0o7777) !== keyMode || gid !== keyGroup) found.push(`the key has mode ${mode.toString(8)}, group ${gid}`)
  return found
}

/** Whether any line of these keys, or the word itself, is in what a command printed. */
export function printsKey({ stdout, stderr }: Pick<Ran, 'stdout' | 'stderr'>, pairs: readonly TestPair[]): boolean {
  const lines = pairs.flatMap(({ keyPem }) => keyPem.split('\n')).filter((line) => line.length > 16)
  return ['PRIVATE KEY', ...lines].some((line) => stdout.includes(line) || stderr.includes(line))
}
