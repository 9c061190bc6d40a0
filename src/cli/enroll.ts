import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { stringify } from 'yaml'
import { defaultConfigFile } from '../config/load-config.ts'
import { openControlPlane, register } from '../control-plane/open-control-plane.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { durableWrite } from '../host/durable-write.ts'
import { readSnapshot } from '../host/files.ts'
import { hostFacts } from '../host/host-facts.ts'
import { ensureFolder } from '../host/private-folder.ts'
import { readBounded } from '../host/read-bounded.ts'
import { version } from '../version.ts'
import { print, printJson } from './print.ts'
import { readCa } from './read-ca.ts'

interface EnrollOptions {
  readonly url: string
  readonly token?: string
  readonly tokenFile?: string
  readonly caFile?: string
  readonly name?: string
  readonly config: string
  readonly credentialFile: string
  readonly force?: true
  readonly json?: true
}

/** `waxseal enroll`: registers this host and stores its credential. */
export function enrollCommand(): Command {
  return new Command('enroll')
    .description('Register this host at a control plane with a one-time token, and store its credential.')
    .requiredOption('--url <url>', 'the control plane: https://HOST:PORT')
    .option('--token <token>', 'the one-time token (others can see it in the process list: better --token-file)')
    .option('--token-file <file>', 'a file that holds the token')
    .option('--ca-file <file>', 'the CA of the control plane (PEM); without it the system’s roots')
    .option('--name <name>', 'the name of this agent; default: the host name')
    .option('--config <file>', 'where to write the configuration, or to look for it', defaultConfigFile)
    .option('--credential-file <file>', 'where to store the credential (0600)', '/etc/waxseal/credential')
    .option('--force', 'replace a credential that is there')
    .option('--json', 'print one JSON document')
    .action(enroll)
}

async function enroll(options: EnrollOptions): Promise<void> {
  const credentialFile = resolve(options.credentialFile)
  const caFile = options.caFile === undefined ? null : resolve(options.caFile)
  if (options.force !== true && (await readSnapshot(credentialFile)) !== null) {
    throw invalid(
      '--credential-file',
      `${credentialFile} is there already`,
      'This host is enrolled; --force enrolls it again.',
    )
  }
  if (!options.url.startsWith('https://'))
    throw invalid('--url', 'it is not an https URL', 'Write it as https://HOST:PORT.')
  const ca = await readCa(caFile)
  const url = options.url.replace(/\/+$/, '')
  const facts = hostFacts(version)
  const { agentId, credential } = await register(
    { url, ca, credential: await tokenOf(options) },
    options.name ?? facts.hostname,
    facts,
  )
  if (credential === null)
    throw invalid('--url', 'the server hands out no credential', 'Set control_plane.agent_id and the API key by hand.')
  await ensureFolder(dirname(credentialFile))
  await durableWrite(credentialFile, Buffer.from(`${credential}\n`))
  const block = {
    control_plane: {
      url,
      ...(caFile === null ? {} : { ca_file: caFile }),
      agent_id: agentId,
      credential_file: credentialFile,
    },
  }
  const isWritten = await writeConfig(resolve(options.config), stringify(block))
  const controlPlane = openControlPlane({ url, ca, agentId, credential })
  await controlPlane.heartbeat(facts).finally(() => controlPlane.close())
  if (options.json === true)
    return printJson({ agentId, credentialFile, config: resolve(options.config), configWritten: isWritten })
  print(`Enrolled as ${agentId}. The credential is in ${credentialFile}; a heartbeat with it was answered.`)
  if (isWritten) print(`The configuration is in ${options.config}.`)
  else print(`${options.config} is there already. Put this into it, in place of its control_plane:\n`, stringify(block))
  print('Next: systemctl enable --now waxseal')
}

async function tokenOf({ token, tokenFile }: EnrollOptions): Promise<string> {
  if (token !== undefined) return token
  const bytes = tokenFile === undefined ? null : await readBounded(tokenFile, 4096).catch(() => null)
  if (bytes === null) throw invalid('--token-file', 'there is no token', 'Name a file that holds it, or give --token.')
  return Buffer.from(bytes).toString('utf8').trim()
}

async function writeConfig(file: string, text: string): Promise<boolean> {
  if ((await readSnapshot(file)) !== null) return false
  await ensureFolder(dirname(file))
  await durableWrite(file, Buffer.from(text), 0o644)
  return true
}

function invalid(path: string, reason: string, hint: string): WaxsealError {
  return new WaxsealError('CONFIG_INVALID', { path, reason, hint })
}
